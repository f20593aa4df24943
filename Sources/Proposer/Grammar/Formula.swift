import Foundation

extension LossExpression {
    /// The loss in a mathematician's short hand: c and r are log-ratios, pc, pr, rc, rr the log-probabilities.
    ///
    /// Made from the loss file's own code, so that the two cannot say different things.
    public var formula: String {
        var block = PythonBlock(namesValues: false)
        var text = block.value(of: self).text
        for feature in Feature.allCases {
            text = text.replacingOccurrences(of: feature.pythonName, with: feature.symbol)
        }
        for (code, notation) in [
            ("torch.", ""), ("F.logsigmoid", "log sigmoid"), ("F.", ""), (" ** ", "^"), (" * ", " "), ("clamp", "clip"),
            (".detach()", " (held)"),
        ] { text = text.replacingOccurrences(of: code, with: notation) }
        return text
    }
}

/// The shortest decimal that reads back as the same number, without a needless ".0".
func decimal(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
