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
