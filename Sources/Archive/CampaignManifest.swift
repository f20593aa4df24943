public import LabCore

/// What a campaign was begun with, enough to run it again: `manifest.json`.
public struct CampaignManifest: Codable, Sendable, Equatable {
    /// Version of the run directory's layout.
    public static let currentLayout = 1

    public let layout: Int
    public let config: CampaignConfig
    /// ISO 8601, UTC.
    public let started: String
    /// Of this program, Python, torch and whatever else decides results, by name.
    public let versions: [String: String]
    /// Processor or GPU in words.
    public let device: String?
    /// SHA-256 of each file that scores depend on, by world and path.
    public let worldFiles: [String: [String: String]]

    public init(
        config: CampaignConfig, started: String, versions: [String: String] = [:], device: String? = nil,
        worldFiles: [String: [String: String]] = [:]
    ) {
        layout = Self.currentLayout
        self.config = config
        self.started = started
        self.versions = versions
        self.device = device
        self.worldFiles = worldFiles
    }
}
