import LabCore
import LabTesting

/// Screens Python text without Python, as far as the model server's losses need it.
struct TextScreener: LossScreener {
    func screen(_ text: String, name given: String?, reply: ReplyContext?) async throws -> Screening {
        let found = Self.read(text)
        let (name, code) = (given ?? found.name, found.code)
        func refused(_ code: String, _ message: String) -> Screening {
            Screening(
                accepted: false, name: name, source: found.code,
                rejections: [Rejection(code: code, message: message, line: 1)]
            )
        }
        if code == nil, reply?.isCutOff == true { return refused("cut-off", "the reply was cut off") }
        guard let text = code, text.contains("return ") else { return refused("no-code", "no Python function") }
        if text.contains("open(") { return refused("forbidden", "open is not allowed") }
        if text.contains("undefined_name") { return refused("exception", "undefined_name is not defined") }
        if text.count(where: { $0 == "(" }) != text.count(where: { $0 == ")" }) {
            return refused("syntax", "not closed")
        }
        var generator = SeededGenerator(seed: stableHash(Self.formula(of: text)))
        return Screening(
            accepted: true, name: name, source: text,
            fingerprint: Fingerprint(hash: Self.formula(of: text), values: (0..<16).map { _ in generator.normal() }))
    }

    /// Name and code in the replies of the model server: JSON, sound or with raw line breaks, or a fenced block.
    private static func read(_ reply: String) -> (name: String?, code: String?) {
        let text = reply.replacing("\\n", with: "\n").replacing("\\\"", with: "\"")
        let name = text.firstMatch(of: /[Nn]ame[*": ]+([\w-]+)/).map { String($0.1) }
        guard let start = text.range(of: "import torch") ?? text.range(of: "def loss"), text.contains("def loss")
        else {
            return (name, nil)
        }
        let code = text[start.lowerBound...]
        guard text[..<start.lowerBound].contains("```") || text.hasPrefix("{") else { return (name, String(code)) }
        let end = code.range(of: "\n```") ?? code.range(of: "\"}")
        return (name, end.map { String(code[..<$0.lowerBound]) + "\n" })
    }

    /// What is returned: equal formulas are the same loss.
    static func formula(of text: String) -> String {
        text.split(separator: "\n").last { $0.contains("return ") }.map(String.init) ?? text
    }
}

/// Trains nothing: scores follow from the loss's text, seed and question.
struct TextTrials: TrialRunner {
    func run(_ loss: LossSource, _ spec: TrialSpec) async throws -> TrialOutcome {
        let value = 5.5 + Double(stableHash(TextScreener.formula(of: loss.text)) % 1_000) / 1_000
        let scores = (0..<12).map { question in
            var generator = SeededGenerator(seed: stableHash("\(loss.text) \(spec.seed) \(question) \(spec.setting)"))
            return value + 0.2 * generator.normal()
        }
        return .scored(
            TrialResult(
                spec: spec, questionScores: scores, greedyScores: scores, kl: 0.5, metrics: [:], seconds: 0,
                weightsHash: nil))
    }
}

extension LossSource {
    /// A loss of the catalogue with this formula of `x = beta * rho`.
    static func standIn(_ name: String, _ formula: String) -> LossSource {
        let text =
            "import torch.nn.functional as F\n\n\ndef loss(pc, pr, rc, rr, beta):\n    x = beta * (pc - pr - rc + rr)\n    return \(formula)\n"
        return LossSource(name: name, text: text, origin: .baseline, beta: 0.05)
    }
}
