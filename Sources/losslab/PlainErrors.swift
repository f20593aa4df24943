import Foundation

/// An error as a sentence: Foundation's own, which would show as `NSCocoaErrorDomain` and a number, name file and reason.
func plain(_ error: any Error) -> String {
    guard let error = error as? CocoaError else { return "\(error)" }
    let path = error.userInfo[NSFilePathErrorKey] as? String ?? error.url?.path ?? "a file"
    return "\(path): \(reason(of: error))"
}

private func reason(of error: CocoaError) -> String {
    if let system = error.underlying as? POSIXError {
        return String(cString: strerror(system.code.rawValue)).lowercased()
    }
    return switch error.code {
    case .fileNoSuchFile, .fileReadNoSuchFile: "there is no such file or folder"
    case .fileReadNoPermission, .fileWriteNoPermission: "you may not read or write it"
    case .fileWriteOutOfSpace: "the disk is full"
    case .fileWriteFileExists: "it exists already"
    case .fileReadCorruptFile, .fileReadInapplicableStringEncoding: "it is damaged, or not text in UTF-8"
    case .fileWriteVolumeReadOnly: "the file system is read-only"
    default: "it cannot be read or written (Foundation's code \(error.code.rawValue))"
    }
}

/// Writes a file that a user named, and makes its folder where there is none.
func writeNamed(_ text: String, to path: String) throws {
    let file = URL(filePath: path)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file, options: .atomic)
}
