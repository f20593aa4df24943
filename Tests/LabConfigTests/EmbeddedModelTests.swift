import Foundation
import LabConfig
import LabCore
import Testing

@Suite struct EmbeddedModelTests {
    private func problems(_ yaml: String) throws -> [String] {
        let error = #expect(throws: ConfigError.self) { try CampaignFile.parse("name: a\n" + yaml, file: "x.yaml") }
        return error?.problems.map { $0.description } ?? []
    }

    @Test func theNameIsAllThatARecipeNeeds() throws {
        let yaml = """
            name: a
            proposer:
              strategy: program
              endpoint: {embedded: qwen2.5-coder-1.5b}
              fallback: grammar
            judge: {kind: mt_bench, endpoint: {embedded: qwen2.5-coder-0.5b, concurrency: 1}}
            """
        let config = try #require(try CampaignFile.parse(yaml, file: "x.yaml").first)
        let model = try #require(config.proposer.model)
        #expect(model.model == "qwen2.5-coder-1.5b" && model.endpoint.embedded == "qwen2.5-coder-1.5b")
        #expect(model.endpoint.concurrency == LocalModelDefaults.slots)
        #expect(model.contextTokens == LocalModelDefaults.contextTokens)
        #expect(config.proposer.fallback == "grammar")
        #expect(config.judge?.model == "qwen2.5-coder-0.5b" && config.judge?.endpoint.concurrency == 1)
        #expect(try CampaignFile.parse(render(config), file: "rendered.yaml") == [config])
    }

    @Test func anUnknownNameIsToldWithTheNearest() throws {
        let found = try problems("proposer: {strategy: program, endpoint: {embedded: qwen2.5-codr-1.5b}}\n")
        #expect(found.count == 1)
        #expect(found.first?.contains("x.yaml:2:") == true)
        #expect(found.first?.contains("did you mean `qwen2.5-coder-1.5b`?") == true)
    }

    @Test(arguments: [
        "baseURL: http://localhost:1/v1", "keyFile: key", "keyEnvironment: MY_KEY", "provider: anthropic",
    ])
    func whatBelongsToAServerIsRefusedBesideIt(key: String) throws {
        let found = try problems("proposer: {strategy: program, endpoint: {embedded: smollm2-135m, \(key)}}\n")
        #expect(found.count == 1 && found.first?.contains("belongs to a server") == true)
    }

    @Test func anotherNameForTheSameModelIsRefused() throws {
        let found = try problems("proposer: {strategy: program, model: gpt-4o, endpoint: {embedded: smollm2-135m}}\n")
        #expect(found.count == 1 && found.first?.contains("`proposer.model` is `gpt-4o`") == true)
    }

    @Test func aFallbackNeedsAModelThatMayBeMissing() throws {
        #expect(try problems("proposer: {fallback: grammar}\n").first?.contains("needs `endpoint: {embedded") == true)
        let other = "proposer: {strategy: program, endpoint: {embedded: smollm2-135m}, fallback: gramar}\n"
        #expect(try problems(other).first?.contains("proposer.fallback") == true)
    }

    @Test func theRegistryIsWhole() throws {
        let catalogue = try ModelCatalogue.load(environment: ["LOSSLAB_CACHE": "/nonexistent"])
        #expect(catalogue.models.map(\.name) == ["qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "smollm2-135m"])
        for model in catalogue.models {
            #expect(model.sha256.wholeMatch(of: /[0-9a-f]{64}/) != nil)
            #expect(model.bytes > 50_000_000 && model.memoryBytes > model.bytes)
            #expect(model.hub?.file.hasSuffix(".gguf") == true)
            #expect(model.packages.map { $0.parts == 1 || $0.names.contains("*") } == true)
            #expect(catalogue.file(of: model) == "/nonexistent/models/\(model.name).gguf" && !catalogue.has(model))
        }
    }

    @Test func theFolderIsTheUsersOwnUnlessNamed() {
        func folder(_ environment: [String: String]) -> String { ModelCatalogue.folder(environment: environment) }
        #expect(folder(["HOME": "/home/ada"]) == "/home/ada/.cache/losslab/models")
        #expect(folder(["HOME": "/home/ada", "XDG_CACHE_HOME": "/c"]) == "/c/losslab/models")
        // A relative XDG_CACHE_HOME is invalid by its specification and ignored.
        #expect(folder(["HOME": "/home/ada", "XDG_CACHE_HOME": "c"]) == "/home/ada/.cache/losslab/models")
        #expect(folder(["HOME": "/home/ada", "XDG_CACHE_HOME": "/c", "LOSSLAB_CACHE": "/l"]) == "/l/models")
    }

    @Test func registeredFilesAreKnownTooAndABrokenRegistrationIsNamed() throws {
        let cache = FileManager.default.temporaryDirectory.appending(path: "models-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: cache) }
        let folder = cache.appending(path: "models")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let own = LocalModel(
            name: "mine", title: "mine.gguf", license: "its own", bytes: 4, sha256: String(repeating: "0", count: 64),
            contextTokens: 2048, form: .chat, memoryBytes: 8, cacheBytesPerToken: 1, file: cache.path + "/mine.gguf")
        try JSONEncoder().encode(own).write(to: folder.appending(path: "mine.json"))
        let environment = ["LOSSLAB_CACHE": cache.path]
        let catalogue = try ModelCatalogue.load(environment: environment)
        #expect(try catalogue.model(named: "mine") == own && !catalogue.has(own))
        try Data("GGUF".utf8).write(to: cache.appending(path: "mine.gguf"))
        #expect(catalogue.has(own))
        try Data("{".utf8).write(to: folder.appending(path: "broken.json"))
        let error = #expect(throws: ConfigError.self) { try ModelCatalogue.load(environment: environment) }
        #expect(error?.description.contains("broken.json: is no registration of a model") == true)
    }
}
