public import ChatClient
import Foundation

/// The prompts of all steps: built-in files, each replaced by the user's file of the same name where there is one.
///
/// A prompt file has the sections `=== system ===` and `=== user ===`; `{{key}}` stands for a piece of the program's
/// state. A step's file must hold every key that the step reads and no other, so that a prompt can neither lose its
/// evidence nor see what was not handed to it.
public struct PromptLibrary: Sendable, Equatable {
    private let templates: [String: PromptTemplate]

    /// - Parameter folder: the user's prompt files, `analyse.md` and so on; not every step needs one.
    /// - Throws: `PromptError` naming file, placeholder and next step.
    public init(overrides folder: String? = nil) throws(PromptError) {
        let builtIn = Bundle.module.bundleURL.appending(path: "prompts").path
        let own = try folder.map { (path) throws(PromptError) in (path, try Self.files(in: path)) }
        var templates: [String: PromptTemplate] = [:]
        for step in ProgramStep.all {
            let name = "\(step.prompt).md"
            let path = own.flatMap { $0.1.contains(name) ? $0.0 : nil } ?? builtIn
            guard let text = try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) else {
                throw PromptError("\(path)/\(name): cannot be read as UTF-8 text")
            }
            templates[step.prompt] = try PromptTemplate(text, file: "\(path)/\(name)", keys: step.reads)
        }
        self.templates = templates
    }

    /// The messages of a step; every key it reads must have a value.
    public func messages(of step: ProgramStep, _ state: [String: String]) throws(PromptError) -> [ChatMessage] {
        guard let template = templates[step.prompt] else { throw PromptError("step \(step.name) has no prompt file") }
        return try template.messages(state, step: step.name)
    }

    /// The text that a completing step goes on from: its sections one after the other, the last line ended.
    public func text(of step: ProgramStep, _ state: [String: String]) throws(PromptError) -> String {
        try messages(of: step, state).map(\.content).joined(separator: "\n\n") + "\n"
    }

    private static func files(in folder: String) throws(PromptError) -> Set<String> {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw PromptError("\(folder): no such folder; proposer.prompts names a folder of prompt files")
        }
        let known = Set(ProgramStep.all.map { "\($0.prompt).md" })
        let prompts = names.filter { $0.hasSuffix(".md") && $0.lowercased() != "readme.md" }
        if let unknown = prompts.sorted().first(where: { !known.contains($0) }) {
            throw PromptError(
                "\(folder)/\(unknown): no step has a prompt of this name; there are "
                    + known.sorted().joined(separator: ", "))
        }
        return Set(prompts)
    }
}

/// What is wrong with a prompt file, where, and what would be right.
public struct PromptError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// One prompt file, taken apart.
struct PromptTemplate: Sendable, Equatable {
    private enum Piece: Sendable, Equatable {
        case text(String)
        case key(String)
    }

    private let sections: [(role: ChatMessage.Role, pieces: [Piece])]

    static func == (left: Self, right: Self) -> Bool {
        left.sections.elementsEqual(right.sections) { $0.role == $1.role && $0.pieces == $1.pieces }
    }

    init(_ text: String, file: String, keys: [String]) throws(PromptError) {
        var sections: [(ChatMessage.Role, String)] = []
        for (number, line) in text.replacing("\r\n", with: "\n").split(
            separator: "\n", omittingEmptySubsequences: false
        )
        .enumerated() {
            if let match = line.wholeMatch(of: /===[ \t]*(\w+)[ \t]*===[ \t]*/) {
                guard let role = ChatMessage.Role(rawValue: String(match.1)), role != .assistant else {
                    throw PromptError("\(file):\(number + 1): section `\(match.1)`; there are system and user")
                }
                sections.append((role, ""))
            } else if sections.isEmpty {
                guard line.allSatisfy(\.isWhitespace) else {
                    throw PromptError(
                        "\(file):\(number + 1): text before the first section; begin with `=== user ===` or "
                            + "`=== system ===`")
                }
            } else {
                sections[sections.count - 1].1 += line + "\n"
            }
        }
        guard sections.contains(where: { $0.0 == .user }) else {
            throw PromptError("\(file): has no section `=== user ===`")
        }
        self.sections = sections.map { ($0.0, Self.pieces(of: $0.1.trimmed)) }
        let used = Set(self.sections.flatMap(\.pieces).compactMap { if case .key(let key) = $0 { key } else { nil } })
        if let unknown = used.subtracting(keys).sorted().first {
            let known =
                keys.isEmpty ? "this step reads none" : "this step reads {{\(keys.joined(separator: "}}, {{"))}}"
            throw PromptError("\(file): placeholder {{\(unknown)}} is not known here; \(known)")
        }
        if let missing = keys.first(where: { !used.contains($0) }) {
            throw PromptError("\(file): placeholder {{\(missing)}} is missing; put it where that text belongs")
        }
    }

    private static func pieces(of text: String) -> [Piece] {
        var pieces: [Piece] = []
        var rest = text[...]
        while let match = rest.firstMatch(of: /\{\{[ ]*(\w+)[ ]*\}\}/) {
            pieces.append(.text(String(rest[..<match.range.lowerBound])))
            pieces.append(.key(String(match.1)))
            rest = rest[match.range.upperBound...]
        }
        return pieces + [.text(String(rest))]
    }

    func messages(_ state: [String: String], step: String) throws(PromptError) -> [ChatMessage] {
        var messages: [ChatMessage] = []
        for section in sections {
            var text = ""
            for piece in section.pieces {
                switch piece {
                case .text(let part): text += part
                case .key(let key):
                    guard let value = state[key] else {
                        throw PromptError("step \(step) reads `\(key)`, which the state does not hold")
                    }
                    text += value.trimmed
                }
            }
            messages.append(ChatMessage(section.role, text))
        }
        return messages
    }
}
