import ArgumentParser
import LabConfig
import LabCore

/// `losslab campaign run FILE`: a discovery campaign, or several, from a recipe.
struct CampaignRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the discovery campaigns of a recipe and print their ranked tables.")

    @Argument(help: "Recipe, such as runs/quickstart.yaml.", completion: .file(extensions: ["yaml", "yml"]))
    var recipe: String

    @Option(help: "Another name for the campaign, for recipes with a single one.")
    var name: String?

    @Option(help: "Another seed for the search.")
    var seed: UInt64?

    @Flag(help: "Resume campaigns of the recipe that were begun before, instead of refusing.")
    var resume = false

    @Flag(help: "Run generated code even where the kernel lacks Landlock or seccomp.")
    var allowUnsandboxed = false

    @OptionGroup var projectOption: ProjectOption

    func run() async throws {
        let project = try projectOption.resolve()
        var configs = try readingInput { try CampaignFile.load(recipe) }
        if let name {
            guard configs.count == 1 else {
                log("losslab: --name is for recipes with a single campaign; \(recipe) has \(configs.count)")
                throw ExitCode.badInput
            }
            configs[0].name = try readingInput { try LabName(name, of: .campaign).text }
        }
        if let seed {
            configs = configs.map {
                var config = $0; config.seed = seed; return config
            }
        }
        let session = CampaignSession(project: project, allowUnsandboxed: allowUnsandboxed)
        let plan = configs.map { (config: $0, resumes: resume && project.hasCampaign($0.name)) }
        try await orFail {
            // Once around all campaigns: a second source for the same signal would never hear of it.
            try await interruptible {
                for (config, resumes) in plan {
                    if resumes {
                        try await session.resume(config.name)
                    } else {
                        try await session.begin(config)
                    }
                }
            }
        }
    }
}

/// `losslab campaign resume NAME`: go on where a campaign ended.
struct CampaignResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with a campaign that was interrupted or killed.")

    @Argument(help: "Name of the campaign, as in `losslab campaign list`.")
    var name: String

    @Option(help: "US dollars that the campaign may spend on language models in all, from now on.")
    var budgetUsd: Double?

    @Option(help: "Tokens that it may use in all.")
    var budgetTokens: Int?

    @Option(help: "Calls that it may make in all.")
    var budgetCalls: Int?

    @Flag(help: "Run generated code even where the kernel lacks Landlock or seccomp.")
    var allowUnsandboxed = false

    @OptionGroup var projectOption: ProjectOption

    func validate() throws {
        guard budgetUsd ?? 0 >= 0, budgetTokens ?? 0 >= 0, budgetCalls ?? 0 >= 0 else {
            throw ValidationError("a budget is a number from 0 up")
        }
    }

    func run() async throws {
        let project = try projectOption.resolve()
        let session = CampaignSession(project: project, allowUnsandboxed: allowUnsandboxed)
        let given = ModelBudget(usd: budgetUsd, tokens: budgetTokens, calls: budgetCalls)
        let budget = given == ModelBudget() ? nil : given
        try await orFail { try await interruptible { try await session.resume(name, budget: budget) } }
    }
}
