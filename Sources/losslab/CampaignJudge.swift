import Foundation
import Judge
import LabCore
import Laboratory
import Trainer

/// Who grades the answers of a model of one's own without asking a server.
struct CampaignJudge {
    let judge: any AnswerJudge
    /// Tells the judge from every other.
    let identity: [String: String]

    /// A judge behind a server takes this one's place later; until then nothing grades.
    init(
        _ config: CampaignConfig, _ questions: CampaignQuestions, project: Project, pool: WorkerPool,
        engine: EngineIdentity, _ hashes: FileHashes
    ) throws {
        let chosen = config.judge ?? JudgeConfig()
        if chosen.asksServer {
            judge = AbsentJudge()
            identity = [:]
            return
        }
        if let model = chosen.model {
            let path = project.pathIfPresent(model)
            let ground = config.policy.map { PolicyGround($0, name: config.world, questions: questions, in: project) }
            let rewarder = PoolRewarder(pool: pool, model: path, label: chosen.label, policy: ground?.request.model)
            judge = RewardJudge(rewarder: rewarder, questions: [config.world: questions.files])
            identity = judgeIdentity(
                kind: chosen.kind,
                try engine.ingredients("reward").merging(
                    ["model": try hashes.identity(of: path), "label": chosen.label ?? ""]) { $1 })
            return
        }
        guard let rubric = questions.rubric else {
            throw CampaignInputError(
                "no judge is named and the questions have no rubric.jsonl beside them: name one under judge:, such as "
                    + "{kind: mt_bench, model: ...}, {kind: reward_model, model: FOLDER} or {kind: classifier, ...}")
        }
        judge = try RubricJudge(files: [config.world: rubric])
        identity = try judgeIdentity(rubric: rubric, hashes)
    }
}

/// Stands where a judge behind a server is still to come.
private struct AbsentJudge: AnswerJudge {
    func judge(_ answers: [Answer], of world: String, questions: QuestionSet) async throws -> [Judgment] {
        throw CampaignInputError("the campaign's judge was not connected")
    }
}

/// What a campaign over a model of one's own was given, by content.
struct NamedInputs {
    /// For the manifest: model, data and question files.
    let files: [String: String]
    /// Changes with anything that decides a trial's result but loss, setting, seed and draw.
    let identity: [String: String]

    init(
        _ ground: PolicyGround, engine: EngineIdentity, _ hashes: FileHashes, by finetuner: PoolFinetuner
    ) throws {
        var request = ground.request
        request.questions = ground.questions.sorted { $0.key.rawValue < $1.key.rawValue }.map(\.value)
        let named = try FinetuneIdentity(request, engine: engine, hashes)
        var identity = try named.ground(request, by: finetuner)
        identity["confirmation share"] = "\(ground.confirmationShare)"
        self.identity = identity
        files = [
            "model": request.model.path, "data": request.data.path, "questions": ground.questions[.search] ?? "",
            "heldOutQuestions": ground.questions[.heldOut] ?? "",
        ].compactMapValues(named.content)
    }
}
