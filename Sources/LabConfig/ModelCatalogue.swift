public import Foundation
public import LabCore
import Yams

/// The language models that the lab can run itself: those of `models.yaml`, and files that the user registered.
public struct ModelCatalogue: Sendable, Equatable {
    /// Where fetched files and the user's registrations are.
    public let folder: String
    /// The lab's own in the order of their file, then the user's by name.
    public let models: [LocalModel]

    /// - Throws: `ConfigError` naming a registration that cannot be read.
    public static func load(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ConfigError) -> ModelCatalogue {
        let folder = folder(environment: environment)
        var models = try bundled()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names.sorted() where name.hasSuffix(".json") {
            let path = "\(folder)/\(name)"
            guard let data = FileManager.default.contents(atPath: path),
                let model = try? JSONDecoder().decode(LocalModel.self, from: data)
            else {
                throw ConfigError(
                    .malformed, file: path, "is no registration of a model; delete it and register the file again")
            }
            models.append(model)
        }
        return ModelCatalogue(folder: folder, models: models)
    }

    /// `LOSSLAB_CACHE`, else the user's cache folder, with `models` below.
    public static func folder(environment: [String: String]) -> String {
        func set(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        let cache =
            set("LOSSLAB_CACHE")
            ?? (set("XDG_CACHE_HOME") ?? (environment["HOME"] ?? NSHomeDirectory()) + "/.cache") + "/losslab"
        return cache + "/models"
    }

    /// The model of that name; the error names the nearest one.
    public func model(named name: String) throws(ConfigError) -> LocalModel {
        if let model = models.first(where: { $0.name == name }) { return model }
        let hint = suggestion(for: name, among: models.map(\.name), called: "known models")
        throw ConfigError(
            .outOfRange, file: folder,
            "no model is named `\(name)`\(hint); `losslab model list` shows them")
    }

    /// Where the model's file is once it was fetched.
    public func file(of model: LocalModel) -> String { model.file ?? "\(folder)/\(model.name).gguf" }

    /// Whether the whole file is there; a part of one has another name.
    public func has(_ model: LocalModel) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file(of: model))
        return attributes?[.size] as? Int == model.bytes
    }

    /// Where the user's registration of a model is.
    public func registration(of name: String) -> String { "\(folder)/\(name).json" }

    static func bundled() throws(ConfigError) -> [LocalModel] {
        let path = Bundle.module.bundleURL.appending(path: "resources/models.yaml").path
        let text = try readText(path)
        do { return try YAMLDecoder().decode([LocalModel].self, from: text) } catch {
            throw ConfigError(.malformed, file: path, "\(error)")
        }
    }
}
