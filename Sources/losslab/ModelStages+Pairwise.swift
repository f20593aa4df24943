import Archive
import ChatClient
import Foundation
import Judge
import LabCore
import Laboratory

extension ModelStages {
    /// The laboratory with answers compared with a baseline's, in both orders, by the judge that the recipe names.
    func compared(_ laboratory: Laboratory, by judge: JudgeConfig, project: Project) async throws -> Laboratory {
        let named = try directory.manifest.config.policy.flatMap {
            try CampaignQuestions($0.evaluation, in: project).suiteFolder
        }
        let own = named.flatMap { FileManager.default.fileExists(atPath: $0 + "/judge_config.yaml") ? $0 : nil }
        let folder = own ?? project.root + "/evaluation/arena_hard"
        let baseline = PairwiseBaseline(
            directory: directory, laboratory: laboratory, file: judge.baseline.map(project.path))
        var suites: [String: [QuestionSet: (suite: PairwiseSuite, baseline: ModelAnswers)]] = [:]
        var compared: [String] = []
        for (world, files) in laboratory.questions.sorted(by: { $0.key < $1.key }) {
            for (set, file) in files.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                let suite = try PairwiseSuite(folder: folder, questions: file)
                let answers = try await baseline.answers(in: world, to: set, suite.questions)
                suites[world, default: [:]][set] = (suite, answers)
                compared.append(try project.fileHashes.hash(ofFile: answers.path))
            }
        }
        let model = judge.model ?? ""
        let prompt = suites.values.first?.values.first?.suite.prompt
        let settings = judge.settings(model: model, campaign: directory.manifest.config.name, prompt: prompt)
        let asked = suites[directory.manifest.config.world]?[.search]?.suite.questions.count ?? 0
        log(
            "losslab: \(model) is uncalibrated for pairwise judging on these \(asked) questions; treat leads within ± as noise"
        )
        let cache = try ResponseCache(project.cache + "/judgments")
        let config = try project.fileHashes.hash(ofFile: folder + "/judge_config.yaml")
        return laboratory.judged(
            by: PairwiseJudge(suites: suites, service: client(judge.endpoint, cache: cache), settings: settings),
            identity: judge.identity(
                model: model, ["prompts": config, "baselines": compared.sorted().joined(separator: " ")]))
    }
}
