import Foundation
import LabCore
import Trainer

extension PolicyGround {
    /// What the recipe's sections say, with absolute paths for what lies here.
    ///
    /// - Parameter extraTemperatures: further samplings, named `t1.0` and so on, for the untrained policy's table.
    init(
        _ config: PolicyConfig, name: String, questions: CampaignQuestions, in project: Project,
        extraTemperatures: [Double] = []
    ) {
        let (model, data) = (config.model, config.data)
        let (evaluation, training) = (config.evaluation, config.training)
        let extra = extraTemperatures.map {
            FinetuneRequest.Sampling(
                name: "t\($0)", temperature: $0, samples: evaluation.samples, shape: evaluation.shape)
        }
        self.init(
            name: name,
            request: FinetuneRequest(
                model: FinetuneModel(
                    path: project.pathIfPresent(model.model), revision: model.revision, dtype: model.dtype,
                    device: model.device, loraRank: model.loraRank, quantization: model.quantization,
                    gradientCheckpointing: model.gradientCheckpointing,
                    chatTemplate: model.chatTemplate.map(project.pathIfPresent), acceptTemplate: model.acceptTemplate),
                data: DataSource(
                    path: project.pathIfPresent(data.dataset), config: data.config, split: data.split,
                    revision: data.revision, columns: data.columns, layout: data.layout, limit: data.limit),
                // Trials are scored by their answers; pairs held back would only train on less.
                heldOutShare: 0, batchSize: training.batchSize, microBatchSize: training.microBatchSize,
                schedule: training.schedule, logpScale: training.logpScale, maxLength: data.maxLength,
                maxPromptLength: data.maxPromptLength,
                sampling: [
                    FinetuneRequest.Sampling(
                        name: "sampled", temperature: evaluation.temperature, samples: evaluation.samples,
                        shape: evaluation.shape),
                    FinetuneRequest.Sampling(
                        name: "greedy", temperature: 0, samples: 1, shape: evaluation.shape?.ofGreedy.ifAny),
                ] + extra,
                maxNewTokens: evaluation.maxNewTokens, klSamples: evaluation.klSamples, trainer: training.trainer),
            questions: questions.files, confirmationShare: data.confirmationShare)
    }
}

extension Project {
    /// The absolute path of what lies below the project or at the path itself; anything else, such as a Hub id, as it is.
    func pathIfPresent(_ text: String) -> String {
        let path = path(text)
        return FileManager.default.fileExists(atPath: path) ? URL(filePath: path).standardizedFileURL.path : text
    }
}
