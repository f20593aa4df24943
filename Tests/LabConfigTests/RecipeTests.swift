import Foundation
import LabConfig
import LabCore
import Testing

/// The project's own folder.
let projectFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().resolvingSymlinksInPath().path

@Suite struct RecipeTests {
    @Test func campaignsOfOneRecipeShareDefaultsAndOverrideThemKeyByKey() throws {
        let yaml = """
            defaults:
              seed: 5
              budget: {candidates: 9, time: 2h}
            campaigns:
              - {name: a, world: base}
              - {name: b, world: off-policy, budget: {candidates: 3}}
            """
        let configs = try CampaignFile.parse(yaml, file: "x.yaml")
        #expect(configs.map(\.name) == ["a", "b"])
        #expect(configs.map(\.seed) == [5, 5])
        #expect(configs.map(\.budget.candidates) == [9, 3])
        #expect(configs.map(\.budget.seconds) == [7_200, 7_200])
    }

    @Test func aMistakeInTheDefaultsIsToldOnce() throws {
        let yaml = "defaults:\n  sede: 5\ncampaigns:\n  - name: a\n  - name: b\n"
        let error = #expect(throws: ConfigError.self) { try CampaignFile.parse(yaml, file: "x.yaml") }
        #expect(error?.description == "x.yaml:2:3: unknown key `sede`; did you mean `seed`?")
    }

    @Test func campaignsOfOneRecipeNeedDifferentNames() throws {
        let yaml = "campaigns:\n  - name: a\n  - name: a\n  - world: base\n"
        let error = #expect(throws: ConfigError.self) { try CampaignFile.parse(yaml, file: "x.yaml") }
        #expect(
            error?.problems.map(\.description) == [
                "x.yaml:3:5: two campaigns are named `a`; each needs its own name",
                "x.yaml:4:5: `name` is missing; it becomes the campaign's folder under runs/",
            ])
    }

    @Test func theCommittedRecipesLoadAndRenderBack() throws {
        let quickstart = try CampaignFile.load(projectFolder + "/runs/quickstart.yaml")
        #expect(quickstart.map(\.name) == ["quickstart"])
        #expect(quickstart[0].world == "length-biased")
        let model = quickstart[0].proposer.model
        #expect(model?.endpoint.embedded == "qwen2.5-coder-1.5b" && model?.form == .completion)
        #expect(quickstart[0].proposer.fallback == "grammar" && quickstart[0].budget.candidates >= 12)
        #expect(quickstart[0].confirmation.seeds.count >= 12)
        let overnight = try CampaignFile.load(projectFolder + "/runs/overnight.yaml")
        #expect(Set(overnight.map(\.world)).count == overnight.count)
        let imdb = try CampaignFile.load(projectFolder + "/runs/imdb.yaml")
        #expect(imdb.map(\.judge?.label) == ["POSITIVE"] && imdb[0].budget.candidates == 0)
        // Every point of the frontier has every seed.
        #expect(imdb[0].tuning.fullSettings == imdb[0].tuning.grid?.settings.count)
        for config in quickstart + overnight + imdb {
            #expect(try CampaignFile.parse(render(config), file: "rendered.yaml") == [config])
        }
    }

    @Test func renderingIsReadBackForManyConfigurations() throws {
        var generator = SeededGenerator(seed: 7)
        for index in 0..<200 {
            var config = CampaignConfig(name: "c\(index)")
            config.seed = generator.next()
            config.transferWorld = Bool.random(using: &generator) ? nil : "w\(generator.next() % 100)"
            config.budget.proposalFactor = 1 + 999 * generator.uniform()
            config.budget.seconds = Bool.random(using: &generator) ? nil : 1 + 1e5 * generator.uniform()
            config.tuning.promotedShare = 0.01 + 0.99 * generator.uniform()
            if Bool.random(using: &generator) {
                let rates = (0..<3).map { _ in 1e-7 + 0.1 * generator.uniform() }
                config.tuning.grid = SettingGrid(learningRates: rates, betas: [1e-4, generator.uniform() + 0.01])
            }
            if Bool.random(using: &generator) { config.proposer.controlArms[.random] = 0.4 * generator.uniform() }
            config.workers = Int.random(in: 1...256, using: &generator)
            #expect(try CampaignFile.parse(render(config), file: "rendered.yaml") == [config])
        }
    }

    @Test func aMissingRecipeNamesThoseThatExist() throws {
        let path = projectFolder + "/runs/quickstrat.yaml"
        let error = #expect(throws: ConfigError.self) { try CampaignFile.load(path) }
        #expect(error?.description.hasPrefix("\(path): no such file; .yaml files there: ") == true)
        #expect(error?.description.contains("quickstart.yaml") == true)
        let folder = #expect(throws: ConfigError.self) { try CampaignFile.load(projectFolder + "/runs") }
        #expect(folder?.description.contains("is a folder; name a file in it") == true)
        let nowhere = #expect(throws: ConfigError.self) { try CampaignFile.load("/nowhere/at/all.yaml") }
        #expect(nowhere?.description.contains("its folder does not exist either") == true)
    }

    @Test func textThatIsNoTextIsRefused() throws {
        let path = NSTemporaryDirectory() + "losslab-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data([0xFF, 0xFE, 0x00, 0x41]).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: ConfigError.self) { try CampaignFile.load(path) }
        #expect(error?.description == "\(path): is not UTF-8 text; save it as UTF-8")
    }
}

@Suite struct QuantityTests {
    @Test(arguments: [
        ("90s", 90.0), ("15m", 900), ("2h", 7_200), ("1h30m", 5_400), ("1.5h", 5_400), ("250ms", 0.25), ("1d", 86_400),
    ])
    func durationsAreReadInSeconds(text: String, seconds: Double) {
        #expect(Quantity.seconds(text) == seconds)
        #expect(Quantity.seconds(Quantity.text(seconds: seconds)) == seconds)
    }

    @Test(arguments: ["", "15", "m", "15 m", "15x", "-5m", "1h30", "١٥m", "1.2.3s"])
    func durationsWithoutUnitOrNumberAreRefused(text: String) {
        #expect(Quantity.seconds(text) == nil)
    }

    @Test(arguments: [("8GiB", 8 << 30), ("512MiB", 512 << 20), ("1.5KiB", 1_536), ("10MB", 10_000_000), ("7B", 7)])
    func sizesAreReadInBytes(text: String, bytes: Int) {
        #expect(Quantity.bytes(text) == bytes)
    }

    @Test(arguments: ["", "8", "8G", "GiB", "8 GiB", "1e99TiB", "-1B"])
    func sizesWithoutUnitOrNumberAreRefused(text: String) {
        #expect(Quantity.bytes(text) == nil)
    }
}
