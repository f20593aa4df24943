/// The command line: a role, then `--name value` pairs. Unknown names are refused.
struct Options {
    enum Role: String {
        case trainer
        case lossZygote = "loss-zygote"
        case system
    }

    let role: Role
    private(set) var venv: String?
    private(set) var pythonPaths: [String] = []
    private(set) var eventsDescriptor: Int32 = 1
    private(set) var controlDescriptor: Int32 = -1
    private(set) var parent: Int32 = 0
    private(set) var cacheDirectory: String?
    private(set) var allowsUnsandboxed = false

    struct Misuse: Error, CustomStringConvertible {
        let description: String
    }

    static let usage = """
        usage: losslab-worker trainer     --venv DIR --python-path DIR [--events-fd N] [--cache DIR] [--allow-unsandboxed]
               losslab-worker loss-zygote --venv DIR --python-path DIR --control-fd N --parent PID [--allow-unsandboxed]
               losslab-worker system      [--venv DIR]
        """

    init(_ arguments: [String]) throws {
        guard let first = arguments.first, let role = Role(rawValue: first) else {
            throw Misuse(description: "no role\n\(Self.usage)")
        }
        self.role = role
        var rest = arguments.dropFirst()
        while let name = rest.popFirst() {
            if name == "--allow-unsandboxed" {
                allowsUnsandboxed = true
                continue
            }
            guard let value = rest.popFirst() else { throw Misuse(description: "\(name) needs a value") }
            try set(name, to: value)
        }
        if role != .system && (venv == nil || pythonPaths.isEmpty) {
            throw Misuse(description: "\(first) needs --venv and --python-path\n\(Self.usage)")
        }
        if role == .lossZygote && (controlDescriptor < 0 || parent <= 0) {
            throw Misuse(description: "\(first) needs --control-fd and --parent\n\(Self.usage)")
        }
    }

    private mutating func set(_ name: String, to value: String) throws {
        switch name {
        case "--venv": venv = value
        case "--python-path": pythonPaths.append(value)
        case "--cache": cacheDirectory = value
        case "--events-fd": eventsDescriptor = try number(value, of: name)
        case "--control-fd": controlDescriptor = try number(value, of: name)
        case "--parent": parent = try number(value, of: name)
        default: throw Misuse(description: "unknown option \(name)\n\(Self.usage)")
        }
    }

    private func number(_ value: String, of name: String) throws -> Int32 {
        guard let number = Int32(value), number >= 0 else {
            throw Misuse(description: "\(name) needs a number, not \(value)")
        }
        return number
    }
}
