import Foundation

/// A loss file in the lab's form: header, formula, and code with a name for every value worth one.
struct LossRendering {
    let name: String
    let title: String
    let beta: Double
    let parents: [String]
    let loss: LossExpression

    var text: String {
        var code = PythonBlock()
        let result = code.value(of: loss, outermost: true)
        let features = Feature.allCases.filter(loss.features.contains).compactMap { feature in
            feature.pythonDefinition.map { "\(feature.pythonName) = \($0)" }
        }
        let body = (features + code.lines + ["return \(result.text)"]).map { "    " + $0 }.joined(separator: "\n")
        let imports = ["import torch"] + (body.contains("F.") ? ["import torch.nn.functional as F"] : [])
        return """
            # ---
            # name: \(name)
            # title: "\(title)"
            # origin: discovered
            # beta: \(decimal(beta))
            # parents: [\(parents.joined(separator: ", "))]
            # ---
            \"""\(wrapped(loss.formula + "."))

            c and r are the log-ratios of policy to reference on the chosen and the rejected completion, rho = c - r.
            \"""

            \(imports.filter { $0 != "import torch" || body.contains("torch.") }.joined(separator: "\n"))
            from torch import Tensor


            def loss(
                policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
                policy_rejected_logps: Tensor,  # (B,)
                reference_chosen_logps: Tensor,  # (B,) no gradient
                reference_rejected_logps: Tensor,  # (B,) no gradient
                beta: float,
            ) -> Tensor:  # (B,) one loss value per pair
            \(body)

            """
    }

    /// Lines of at most 110 characters, broken at spaces.
    private func wrapped(_ formula: String) -> String {
        var lines = [""]
        for word in formula.split(separator: " ") {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.count + word.count < 110 {
                lines[lines.count - 1] = line + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.joined(separator: "\n")
    }
}
