import LabCore

/// Divides slots between evolution and its control arms by their shares: at every moment the arm furthest behind is next.
struct ArmSchedule: Sendable {
    private let shares: [(arm: SearchArm, share: Double)]

    /// Evolution takes what the control arms leave.
    init(_ config: ProposerConfig) {
        let controls = SearchArm.allCases
            .filter { $0 != .evolution && $0 != .catalogue }
            .map { ($0, max(0, config.controlArms[$0] ?? 0)) }
        let rest = 1 - controls.reduce(0) { $0 + $1.1 }
        shares = [(.evolution, max(0, rest))] + controls
    }

    /// Arms of the next slots, given how many slots each arm has had.
    func next(_ count: Int, after had: [SearchArm: Int]) -> [SearchArm] {
        var had = had
        return (0..<count).map { _ in
            let total = Double(had.values.reduce(0, +) + 1)
            var best = (arm: SearchArm.evolution, deficit: -Double.infinity)
            for (arm, share) in shares where share > 0 {
                let deficit = share * total - Double(had[arm] ?? 0)
                if deficit > best.deficit + 1e-9 { best = (arm, deficit) }
            }
            had[best.arm, default: 0] += 1
            return best.arm
        }
    }
}
