import Foundation
import LabCore
import Trainer

/// Names a training of a real model by everything that decides its result, so that equal trainings are done once.
struct RerunKeys: Sendable {
    private let code: String
    private let identities: [String: String]

    /// Parts of the Python package that no such training runs through.
    private static let otherParts = [
        "screening/", "plotting/", "bench/", "export/", "finetune/asking.py", "finetune/door.py",
        "finetune/labelling.py",
        "finetune/prompt_choice.py", "data/prompts.py", "data/showing.py", "inspect_job.py", "reward_job.py",
        "train_job.py", "serve.py",
        "warm_up.py",
    ]

    /// Reads what the request names.
    init(_ request: FinetuneRequest, pythonPath: String) throws {
        let folder = pythonPath + "/losslab_trainer"
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
        var hash = SHA256()
        for name in names where name.hasSuffix(".py") && !Self.otherParts.contains(where: name.hasPrefix) {
            hash.update(name.utf8)
            hash.update(FileManager.default.contents(atPath: folder + "/" + name) ?? Data())
        }
        code = hash.finish()
        let paths = [request.model.path, request.data.path] + [request.heldOut?.path].compactMap(\.self)
        identities = Dictionary(
            (paths + request.questions).map { ($0, Self.identity(of: $0)) }
        ) { first, _ in first }
    }

    func key(of loss: LossSource, _ spec: TrialSpec, as request: FinetuneRequest, by finetuner: PoolFinetuner) throws
        -> String
    {
        let description = try finetuner.description(
            of: loss, beta: spec.setting.beta, learningRate: spec.setting.learningRate, seed: spec.seed, as: request
        ) { identities[$0] ?? Self.identity(of: $0) }
        return "finetune/" + ContentHash.sha256(code + "\n" + description)
    }

    /// Everything but loss, setting, seed and draw that decides a training: code, model, data and settings.
    func environment(_ request: FinetuneRequest, by finetuner: PoolFinetuner) throws -> String {
        let description = try finetuner.description(of: nil, beta: 0, learningRate: 0, seed: 0, as: request) {
            identities[$0] ?? Self.identity(of: $0)
        }
        return ContentHash.sha256(code + "\n" + description)
    }

    /// Files up to this size are read whole; of larger ones, such as weights, pieces, with size and time of change.
    private static let wholeBytes = 8 << 20
    private static let pieces = 16
    private static let pieceBytes = 64 << 10

    /// What a path holds, or the path itself where it names nothing here, such as a Hub id.
    static func identity(of path: String) -> String {
        let manager = FileManager.default
        var isFolder: ObjCBool = false
        guard manager.fileExists(atPath: path, isDirectory: &isFolder) else { return path }
        guard isFolder.boolValue else { return "content " + fileIdentity(path) }
        let names = ((try? manager.subpathsOfDirectory(atPath: path)) ?? []).sorted()
        let lines = names.compactMap { name -> String? in
            var isInner: ObjCBool = false
            let file = path + "/" + name
            guard manager.fileExists(atPath: file, isDirectory: &isInner), !isInner.boolValue else { return nil }
            return name + " " + fileIdentity(file)
        }
        return "content " + ContentHash.sha256(lines.joined(separator: "\n"))
    }

    private static func fileIdentity(_ path: String) -> String {
        // Of the file itself: the Hub's cache has links. A pipe would be waited for when it is opened.
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let attributes = try? FileManager.default.attributesOfItem(atPath: target)
        guard attributes?[.type] as? FileAttributeType == .typeRegular,
            let file = FileHandle(forReadingAtPath: target)
        else { return "unreadable" }
        defer { try? file.close() }
        let size = (attributes?[.size] as? Int) ?? 0
        guard size > wholeBytes else {
            return ContentHash.sha256((try? file.readToEnd()) ?? Data())
        }
        var hash = SHA256()
        let changed = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        hash.update("\(size) \(changed)".utf8)
        for piece in 0..<pieces {
            try? file.seek(toOffset: UInt64((size - pieceBytes) / (pieces - 1) * piece))
            hash.update((try? file.read(upToCount: pieceBytes)) ?? Data())
        }
        return hash.finish()
    }
}
