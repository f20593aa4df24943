import Foundation
import LabCore
import LabTesting

/// Screens Python text without Python, as far as the model server's losses need it.
struct TextScreener: LossScreener {
    func screen(_ reply: String, name: String?, reply context: ReplyContext?) async throws -> Screening {
        let text = Self.code(in: reply)
        let name = name ?? reply.firstMatch(of: /name"?:\**\s*"?([\w-]+)/.ignoresCase()).map { String($0.1) } ?? "loss"
        func refused(_ code: String, _ message: String) -> Screening {
            Screening(
                accepted: false, name: name, source: nil, rejections: [Rejection(code: code, message: message, line: 1)]
            )
        }
        guard text.contains("def loss"), text.contains("return ") else { return refused("empty", "no function") }
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

    /// Out of a fence or a JSON object, as the model server wraps it.
    private static func code(in reply: String) -> String {
        if let object = try? JSONDecoder().decode([String: String].self, from: Data(reply.utf8)), let code = object["code"] {
            return code
        }
        return reply.firstMatch(of: /```python\n([\s\S]*?)```/).map { String($0.1) } ?? reply
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
