/// A loss as a model wrote it: code still in whatever form, which screening unwraps.
public struct LossDraft: Codable, Sendable, Equatable {
    public let name: String?
    /// The model's reason for it.
    public let thought: String?
    public let code: String

    public init(name: String?, thought: String?, code: String) {
        self.name = name
        self.thought = thought
        self.code = code
    }

    /// Lower-case letters, digits, `_` and `-`, at most 40 of them, beginning with a letter; `nil` when nothing is left.
    public static func slug(_ name: String) -> String? {
        var slug = ""
        var previous: Character?
        for character in name.lowercased() {
            if let ascii = character.asciiValue, (97...122).contains(ascii) {
                // `SmoothMargin` reads better as one word than broken at every capital; words are kept apart as given.
                slug.append(character)
            } else if let ascii = character.asciiValue, (48...57).contains(ascii), !slug.isEmpty {
                slug.append(character)
            } else if !slug.isEmpty, previous != "-" {
                slug.append(character == "_" ? "_" : "-")
            }
            previous = slug.last
        }
        while let last = slug.last, last == "-" || last == "_" { slug.removeLast() }
        let short = String(slug.prefix(40))
        return short.isEmpty ? nil : short
    }
}
