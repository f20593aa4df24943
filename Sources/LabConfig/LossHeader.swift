public import LabCore
import Yams

/// A loss file read without Python: its header, and that it defines a function.
public struct LossFile: Sendable, Equatable {
    public let loss: LossSource
    /// Path as it was found.
    public let path: String
    /// Which of several readings of a publication: `discovered` as its generated code has it, or `corrected`.
    public let form: String?
    public let notes: String?

    public static func load(_ path: String) throws(ConfigError) -> LossFile {
        try parse(try readText(path), path: path)
    }

    /// Reads the YAML in comments between the two `# ---` lines at the head of the file.
    public static func parse(_ text: String, path: String) throws(ConfigError) -> LossFile {
        // Swift takes a carriage return and line feed for one character.
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        guard let first = lines.firstIndex(where: { !$0.allSatisfy(\.isWhitespace) && !$0.hasPrefix("#!") }) else {
            throw ConfigError(.malformed, file: path, "is empty; a loss file has a header and a function `loss`")
        }
        guard isFence(lines[first]) else {
            throw ConfigError(
                .malformed, file: path, line: first + 1,
                "has no header; begin the file with `# ---`, `# name: ...`, `# origin: discovered`, `# beta: 0.05`, "
                    + "`# ---`, or let `losslab loss import` write it")
        }
        guard let last = lines[(first + 1)...].firstIndex(where: isFence) else {
            throw ConfigError(
                .malformed, file: path, line: first + 1, "the header that begins here has no second `# ---`")
        }
        let header = try headerText(lines[(first + 1)..<last], path: path, firstLine: first + 2)
        guard definesFunction(lines[(last + 1)...]) else {
            throw ConfigError(
                .malformed, file: path, line: last + 1,
                "defines no function; after the header a loss file has `def loss(policy_chosen_logps, ...)`")
        }
        return try parseHeader(header, of: text, path: path, offset: TextOffset(lines: first + 1, columns: 2))
    }

    private static func parseHeader(
        _ header: String, of text: String, path: String, offset: TextOffset
    ) throws(ConfigError) -> LossFile {
        let problems = Problems(file: path)
        let node = try composeYAML(header, file: path, offset: offset)
        let section = Section(node, problems: problems, offset: offset)
        let name = section.name("name", of: .loss)
        let title = section.text("title")
        let origins = LossOrigin.allCases.map(\.rawValue)
        let origin = section.choice("origin", LossOrigin.discovered.rawValue, of: origins)
        let reference = section.text("reference")
        let beta = section.double("beta", 0.05, in: 1e-4...100)
        let parents = section.slugs("parents", [])
        let isControl = section.bool("control", false)
        let form = section.text("form")
        let notes = section.text("notes")
        section.refuseUnknownKeys()
        for key in ["name", "origin", "beta"] where !section.has(key) {
            section.complain(.missingKey, key, "is missing from the header")
        }
        try problems.throwIfAny()
        let loss = LossSource(
            name: name ?? "", text: text, origin: LossOrigin(rawValue: origin) ?? .discovered, beta: beta,
            title: title, reference: reference, parents: parents, isControl: isControl)
        return LossFile(loss: loss, path: path, form: form, notes: notes)
    }
}

private func isFence(_ line: Substring) -> Bool {
    guard line.hasPrefix("#") else { return false }
    return line.dropFirst().filter { !$0.isWhitespace } == "---"
}

/// The header's lines without their `# `.
private func headerText(_ lines: ArraySlice<Substring>, path: String, firstLine: Int) throws(ConfigError) -> String {
    var yaml: [Substring] = []
    for (offset, line) in lines.enumerated() {
        guard line.hasPrefix("#") else {
            throw ConfigError(
                .malformed, file: path, line: firstLine + offset, "the header's lines must begin with `#` up to `# ---`"
            )
        }
        let content = line.dropFirst()
        yaml.append(content.hasPrefix(" ") ? content.dropFirst() : content)
    }
    return yaml.joined(separator: "\n")
}

private func definesFunction(_ lines: ArraySlice<Substring>) -> Bool {
    lines.contains { $0.hasPrefix("def ") && $0.contains("(") }
}
