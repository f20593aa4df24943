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
            configs[0].name = name
        }
        if let seed {
            configs = configs.map {
                var config = $0; config.seed = seed; return config
            }
        }
        let session = CampaignSession(project: project, allowUnsandboxed: allowUnsandboxed)
        for config in configs {
            let begun = project.hasCampaign(config.name)
            try await orFail {
                try await interruptible {
                    if begun, resume {
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

    @Flag(help: "Run generated code even where the kernel lacks Landlock or seccomp.")
    var allowUnsandboxed = false

    @OptionGroup var projectOption: ProjectOption

    func run() async throws {
        let project = try projectOption.resolve()
        let session = CampaignSession(project: project, allowUnsandboxed: allowUnsandboxed)
        try await orFail { try await interruptible { try await session.resume(name) } }
    }
}
