import CampaignRunner
import LabCore

/// What `losslab loss evaluate` prints: one row a loss, ranked, each score with its standard error.
struct EvaluationReport: Codable {
    struct Row: Codable {
        let name: String
        let origin: String
        let control: Bool
        /// Mean judge score (1-10) at the best setting, over seeds and questions.
        let score: Double?
        let standardError: Double?
        let greedy: Double?
        let greedyStandardError: Double?
        /// KL to the reference, nats an answer.
        let kl: Double?
        let learningRate: Double?
        let beta: Double?
        let onGridEdge: Bool?
        let trials: Int
        /// Paired over seeds and questions; absent when DPO is not among the losses.
        let differenceFromDPO: Double?
        let differenceStandardError: Double?
        let seedScores: [Double]
        let problem: String?
    }

    let world: String
    let pairPool: PairPool
    let questions: QuestionSet
    let seeds: [Int]
    let untrained: [UntrainedScore]
    let losses: [Row]

    init(
        world: String, pool: PairPool, questions: QuestionSet, seeds: [Int], untrained: [UntrainedScore],
        results: [(LossSource, LossEvaluation.Result)], refused: [(LossSource, Rejection)]
    ) {
        self.world = world
        pairPool = pool
        self.questions = questions
        self.seeds = seeds
        self.untrained = untrained
        var dpo: CrossedScores?
        for case (let loss, .tuned(let tuned)) in results where loss.name == "dpo" {
            dpo = CrossedScores(tuned.table)
        }
        let rows = results.map { Self.row($0, $1, dpo: dpo) }
        let refusals = refused.map { Self.empty($0, problem: "rejected by screening: \($1.code): \($1.message)") }
        losses = (rows + refusals).sorted { ($0.score ?? -.infinity, $1.name) > ($1.score ?? -.infinity, $0.name) }
    }

    private static func row(_ loss: LossSource, _ result: LossEvaluation.Result, dpo: CrossedScores?) -> Row {
        switch result {
        case .rejected(let rejection):
            return empty(loss, problem: "rejected in training: \(rejection.code): \(rejection.message)")
        case .failed(let reason):
            return empty(loss, problem: "failed: \(reason)")
        case .tuned(let tuned):
            let table = CrossedScores(tuned.table)
            let difference = dpo.flatMap { table?.minus($0) }?.estimate
            return Row(
                name: loss.name, origin: loss.origin.rawValue, control: loss.isControl, score: tuned.score.mean,
                standardError: tuned.score.standardError, greedy: tuned.greedy.mean,
                greedyStandardError: tuned.greedy.standardError, kl: tuned.kl,
                learningRate: tuned.setting.learningRate, beta: tuned.setting.beta, onGridEdge: tuned.onGridEdge,
                trials: tuned.trials, differenceFromDPO: difference?.mean,
                differenceStandardError: difference?.standardError, seedScores: table?.seedMeans ?? [], problem: nil)
        }
    }

    private static func empty(_ loss: LossSource, problem: String) -> Row {
        Row(
            name: loss.name, origin: loss.origin.rawValue, control: loss.isControl, score: nil, standardError: nil,
            greedy: nil, greedyStandardError: nil, kl: nil, learningRate: nil, beta: nil, onGridEdge: nil, trials: 0,
            differenceFromDPO: nil, differenceStandardError: nil, seedScores: [], problem: problem)
    }

    var text: String {
        var table = TextTable(["loss", "score", "± se", "greedy", "KL", "lr", "beta", "trials", "from dpo", "± se "])
        for row in untrained {
            table.add([
                "(untrained, \(row.decoding))", decimal(row.score, 2), decimal(row.standardError, 2), "", "0", "", "",
                "",
                "", "",
            ])
        }
        for row in losses {
            guard let score = row.score, let learningRate = row.learningRate, let beta = row.beta else { continue }
            table.add([
                row.name, decimal(score, 2), row.standardError.map { decimal($0, 2) } ?? "—",
                row.greedy.map { decimal($0, 2) } ?? "—", row.kl.map { decimal($0, 2) } ?? "—", compact(learningRate),
                compact(beta) + (row.onGridEdge == true ? "*" : ""), "\(row.trials)",
                row.differenceFromDPO.map { ($0 < 0 ? "" : "+") + decimal($0, 2) } ?? "—",
                row.differenceStandardError.map { decimal($0, 2) } ?? "—",
            ])
        }
        var lines = [
            "world \(world), \(seeds.count) seeds, \(pairPool.rawValue) pairs, \(questions.rawValue) questions",
            table.text,
        ]
        if losses.contains(where: { $0.onGridEdge == true }) {
            lines.append("* best setting on the edge of the grid")
        }
        lines += losses.compactMap { row in row.problem.map { "\(row.name): \($0)" } }
        return lines.joined(separator: "\n")
    }
}
