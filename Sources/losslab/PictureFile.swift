import ArgumentParser
import Foundation

/// Where a picture goes: refused before any work is done when it could not be written after it.
struct PictureFile {
    let path: String
    /// `svg` or `png`.
    let ending: String

    init(_ path: String) throws {
        self.path = path
        let file = URL(filePath: path)
        ending = file.pathExtension
        guard ["svg", "png"].contains(ending) else {
            throw ValidationError("\(path) ends neither in .svg nor in .png; name a picture of one of the two")
        }
        let folder = file.deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw ValidationError("\(path) cannot be written: there is no folder \(folder); make it or name another")
        }
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            throw ValidationError("\(path) cannot be written: it is a folder; name a file")
        }
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw ValidationError("\(path) cannot be written: the folder \(folder) is read-only; name another")
        }
    }

    func write(_ picture: Data) throws {
        do {
            try picture.write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw ValidationError("\(path) cannot be written: \(error.localizedDescription)")
        }
    }
}

/// Where a picture goes, or that its numbers are wanted instead.
struct PictureOptions: ParsableArguments {
    @Option(
        name: [.customShort("o"), .customLong("out")], help: "Picture to write: a file that ends in .svg or .png.",
        completion: .file())
    var output: String?

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case picture, json
    }

    @Option(help: "What to give: a picture, or the numbers in it on standard output.")
    var format: Format = .picture

    func validate() throws {
        guard format == .json || output != nil else {
            throw ValidationError("name the picture with --out FILE.svg, or ask for numbers with --format json")
        }
    }

    /// The picture's file, where one is wanted; refused with exit code 65 when it could not be written.
    func file() throws -> PictureFile? { try readingInput { try output.map { try PictureFile($0) } } }
}
