import ChatClient
import Judge
import LabCore
import Laboratory
import Proposer

/// Each model that a recipe asks, asked for a word in the form of each of its later requests before anything is trained: a
/// refused key, a wrong name, a server that is not there or one that takes no such requests shows now and not after the
/// catalogue has been tuned.
struct ModelCheck {
    /// What the asking cost.
    let spending: ChatTotals

    /// - Throws: `ChatError` that says which role's model cannot be asked, and why.
    init(_ config: CampaignConfig, project: Project, models: EmbeddedModels) async throws {
        let ledger = ChatLedger(budget: config.budget.model ?? ModelBudget())
        var asked: [Role] = []
        for role in Self.roles(of: config)
        where !asked.contains(where: { $0.requests == role.requests && $0.endpoint == role.endpoint }) {
            asked.append(role)
            log("losslab: \(role.name): asking whether \(role.model) \(role.endpoint.place) answers")
            do {
                try await models.client(
                    role.endpoint, contextTokens: role.contextTokens, prices: try project.prices(), ledger: ledger
                )
                .probe(role.requests, for: ChatPurpose(step: "probe", campaign: config.name))
            } catch let error as ChatError {
                throw ChatError(
                    error.kind, "\(role.name) cannot be asked, so nothing was trained: \(error.message)",
                    status: error.status)
            }
        }
        spending = ledger.totals
    }

    private struct Role {
        let name: String
        let model: String
        let endpoint: EndpointConfig
        var contextTokens: Int?
        /// One of each shape.
        let requests: [ChatRequest]
    }

    private static func roles(of config: CampaignConfig) -> [Role] {
        var roles: [Role] = []
        if let proposer = config.proposer.model, config.budget.candidates > 0 {
            roles.append(
                Role(
                    name: "the proposing model", model: proposer.model, endpoint: proposer.endpoint,
                    contextTokens: proposer.contextTokens,
                    requests: ModelCaller.shapes(proposer, strategy: config.proposer.strategy)))
        }
        if let judge = config.judge, judge.asksServer, let model = judge.model {
            let settings = judge.settings(model: model, campaign: config.name)
            roles.append(
                Role(name: "the judge", model: model, endpoint: judge.endpoint, requests: [settings.shape]))
        }
        return roles
    }
}

extension JudgeConfig {
    /// How a campaign's judge is asked.
    ///
    /// - Parameter prompt: what a suite of comparisons sets.
    func settings(model: String, campaign: String, prompt: PairwiseSuite.Prompt? = nil) -> JudgeSettings {
        let usual = kind == "pairwise" ? 4096 : endpoint.provider == "anthropic" ? 1024 : 2048
        return JudgeSettings(
            model: model, temperature: sendsTemperature ? prompt?.temperature ?? 0 : nil,
            maxTokens: prompt?.maxTokens ?? usual, concurrency: endpoint.concurrency,
            purpose: ChatPurpose(step: "judge", campaign: campaign))
    }

    /// What tells this judge from every other; the key and limits of its server do not.
    func identity(model: String, _ asked: [String: String]) -> [String: String] {
        judgeIdentity(
            kind: kind,
            asked.merging([
                "model": model, "provider": endpoint.provider,
                "server": endpoint.embedded.map { "embedded \($0)" } ?? endpoint.baseURL ?? "",
                "temperature": sendsTemperature ? "the protocol's" : "none",
            ]) { $1 })
    }
}
