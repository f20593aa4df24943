/// Spellings of options that recorded commands use, and what they are called now. No help text shows them.
enum OldSpellings {
    static let options = [
        "--learning-rate": "--lr", "--micro-batch-size": "--micro-batch", "--key-environment": "--key-env",
        "--output": "--out",
    ]

    /// The arguments with today's names; what stands behind `--` is no option.
    static func modernised(_ arguments: [String]) -> [String] {
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        return arguments[..<end].map { argument in
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, let now = options[String(name)] else { return argument }
            return parts.count == 1 ? now : "\(now)=\(parts[1])"
        } + arguments[end...]
    }
}
