import CPython
import Glibc

/// A venv that fits the libpython in this process.
///
/// CPython takes another build's standard library, or the system's Python in place of a missing venv, without a word;
/// the first error is then far from the cause. So everything is checked before Python starts.
public struct PythonVenv {
    public let directory: String
    public var program: String { directory + "/bin/python3" }

    /// Checks `directory`; throws one sentence that names what is wrong and the next step.
    public init(checking directory: String) throws {
        self.directory = directory
        let file = directory + "/pyvenv.cfg"
        guard let text = Self.contents(of: file) else {
            throw PythonFailure(description: "There is no Python environment at \(directory): run `make setup`.")
        }
        let settings = Self.settings(in: text)
        try Self.checkVersion(settings["version"] ?? settings["version_info"], of: directory)
        try Self.checkHome(settings["home"], of: directory)
        guard access(program, X_OK) == 0 else {
            throw PythonFailure(
                description: "\(program) is missing or cannot be run: remove \(directory) and run `make setup`.")
        }
    }

    /// Checks that torch is installed, without starting Python.
    public func requireTorch() throws {
        let version = Self.minor(Self.libraryVersion)
        guard access("\(directory)/lib/python\(version)/site-packages/torch/__init__.py", R_OK) == 0 else {
            throw PythonFailure(description: "\(directory) has no torch: run `make setup`.")
        }
    }

    /// The version of the libpython this process runs, such as "3.11.2".
    public static var libraryVersion: String { String(cString: cpython_version()) }

    private static func checkVersion(_ version: String?, of directory: String) throws {
        guard let version, minor(version) == minor(libraryVersion) else {
            throw PythonFailure(
                description: "\(directory) is of Python \(version ?? "unknown"), but this program was built for "
                    + "\(libraryVersion): remove \(directory) and run `make setup`.")
        }
    }

    /// The interpreter that made the venv has to come with the libpython in this process.
    private static func checkHome(_ home: String?, of directory: String) throws {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        cpython_library_path(&path, path.count)
        let library = text(in: path)
        if library.isEmpty { return }
        guard let home, let prefix = resolved(home + "/.."), library.hasPrefix(prefix == "/" ? "/" : prefix + "/")
        else {
            throw PythonFailure(
                description: "\(directory) was made by the Python in \(home ?? "an unknown place"), which does not "
                    + "belong to \(library): remove \(directory) and run `make setup`.")
        }
    }

    private static func minor(_ version: String) -> String {
        version.split(separator: ".").prefix(2).joined(separator: ".")
    }

    private static func settings(in text: String) -> [String: String] {
        var settings: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map { trimmed($0) }
            if parts.count == 2 { settings[parts[0].lowercased()] = parts[1] }
        }
        return settings
    }

    private static func trimmed(_ text: Substring) -> String {
        let isBlank = { (character: Character) in character == " " || character == "\t" || character == "\r" }
        var rest = text.drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return String(rest)
    }

    private static func resolved(_ path: String) -> String? {
        guard let pointer = realpath(path, nil) else { return nil }
        defer { free(pointer) }
        return String(cString: pointer)
    }

    private static func contents(of file: String) -> String? {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(descriptor, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
