import LabCore

/// The four sections as YAML with every default written out.
func render(_ policy: PolicyConfig) -> String {
    let (model, data) = (policy.model, policy.data)
    let (evaluation, training) = (policy.evaluation, policy.training)
    let columns = data.columns.sorted { $0.key < $1.key }.map { "\(quoted($0.key)): \(quoted($0.value))" }
    return """
        policy:
          model: \(quoted(model.model))
          revision: \(orNone(model.revision))
          dtype: \(model.dtype)
          device: \(model.device)
          quantization: \(model.quantization ?? "none")
          loraRank: \(orNone(model.loraRank))
          gradientCheckpointing: \(model.gradientCheckpointing)
          chatTemplate: \(orNone(model.chatTemplate))
          acceptTemplate: \(model.acceptTemplate)
        data:
          dataset: \(quoted(data.dataset))
          config: \(orNone(data.config))
          split: \(orNone(data.split))
          revision: \(orNone(data.revision))
          columns: {\(columns.joined(separator: ", "))}
          layout: \(orNone(data.layout))
          limit: \(orNone(data.limit))
          # Share of the prompts whose pairs no search trial sees.
          confirmationShare: \(data.confirmationShare)
          maxLength: \(data.maxLength)
          maxPromptLength: \(orNone(data.maxPromptLength))
        evaluation:
          suite: \(orNone(evaluation.suite))
          questions: \(orNone(evaluation.questions))
          heldOutQuestions: \(orNone(evaluation.heldOutQuestions))
          temperature: \(evaluation.temperature)
          samples: \(evaluation.samples)
          topP: \(orNone(evaluation.shape?.topP))
          topK: \(orNone(evaluation.shape?.topK))
          minP: \(orNone(evaluation.shape?.minP))
          repetitionPenalty: \(orNone(evaluation.shape?.repetitionPenalty))
          maxNewTokens: \(evaluation.maxNewTokens)
          klSamples: \(evaluation.klSamples)
        training:
          batchSize: \(training.batchSize)
          microBatchSize: \(orNone(training.microBatchSize))
          schedule: \(training.schedule)
          trainer: \(training.trainer)
          logpScale: \(training.logpScale)
        """
}

private func orNone(_ text: String?) -> String { text.map(quoted) ?? "none" }
private func orNone(_ number: Double?) -> String { number.map { "\($0)" } ?? "none" }
private func orNone(_ number: Int?) -> String { number.map(String.init) ?? "none" }
