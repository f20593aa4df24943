import ChatClient
import LabCore

/// Each model that a recipe asks, asked once for a word before anything is trained: a refused key, a wrong name or a server
/// that is not there shows now and not after the catalogue has been tuned.
struct ModelCheck {
    /// What the asking cost.
    let spending: ChatTotals

    /// - Throws: `ChatError` that says which role's model cannot be asked, and why.
    init(_ config: CampaignConfig, project: Project, models: EmbeddedModels) async throws {
        let ledger = ChatLedger(budget: config.budget.model ?? ModelBudget())
        var asked: [Role] = []
        for role in Self.roles(of: config)
        where !asked.contains(where: { $0.model == role.model && $0.endpoint == role.endpoint }) {
            asked.append(role)
            log("losslab: \(role.name): asking whether \(role.model) \(role.endpoint.place) answers")
            do {
                try await models.client(
                    role.endpoint, contextTokens: role.contextTokens, prices: try project.prices(), ledger: ledger
                )
                .probe(role.model, for: ChatPurpose(step: "probe", campaign: config.name))
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
    }

    private static func roles(of config: CampaignConfig) -> [Role] {
        var roles: [Role] = []
        if let proposer = config.proposer.model, config.budget.candidates > 0 {
            roles.append(
                Role(
                    name: "the proposing model", model: proposer.model, endpoint: proposer.endpoint,
                    contextTokens: proposer.contextTokens))
        }
        if let judge = config.judge, judge.asksServer, let model = judge.model {
            roles.append(Role(name: "the judge", model: model, endpoint: judge.endpoint))
        }
        return roles
    }
}
