public import LabCore
import Yams

/// A recipe: one campaign, or several under `campaigns:` that share what stands under `defaults:`.
public enum CampaignFile {
    public static func load(_ path: String) throws(ConfigError) -> [CampaignConfig] {
        try parse(try readText(path), file: path)
    }

    /// - Parameter file: what messages call the text.
    public static func parse(_ text: String, file: String) throws(ConfigError) -> [CampaignConfig] {
        let root = try composeYAML(text, file: file)
        let problems = Problems(file: file)
        let configs: [CampaignConfig]
        if root.mapping?["campaigns"] != nil {
            configs = severalCampaigns(root, problems)
        } else {
            configs = [campaign(from: Section(root, problems: problems))]
        }
        try problems.throwIfAny()
        return configs
    }

    private static func severalCampaigns(_ root: Node, _ problems: Problems) -> [CampaignConfig] {
        let section = Section(root, problems: problems)
        let shared = section.node("defaults")
        let list = section.node("campaigns")
        section.refuseUnknownKeys()
        guard case .sequence(let nodes)? = list, !nodes.isEmpty else {
            section.complain(.wrongType, "campaigns", "must be a list of campaigns, each with its name")
            return []
        }
        var configs: [CampaignConfig] = []
        for node in nodes {
            let merged = shared.map { merge($0, with: node) } ?? node
            let config = campaign(from: Section(merged, problems: problems))
            if configs.contains(where: { $0.name == config.name }), !config.name.isEmpty {
                problems.add(
                    .conflict, at: node.mark.map(TextOffset.none.place),
                    "two campaigns are named `\(config.name)`; each needs its own name")
            }
            configs.append(config)
        }
        return configs
    }

    /// The second node's keys over the first's, mapping by mapping.
    private static func merge(_ base: Node, with over: Node) -> Node {
        guard case .mapping(var result) = base, case .mapping(let changes) = over else { return over }
        result.mark = changes.mark
        for (key, value) in changes {
            result[key] = result[key].map { merge($0, with: value) } ?? value
        }
        return .mapping(result)
    }
}
