public import LabCore

/// Any scored loss, each as likely as the others: what selection is compared with.
public struct RandomSelector: ParentSelector, OneParentChooser {
    public init() {}

    public func selectParents(
        from snapshot: ArchiveSnapshot, count: Int, using generator: inout SeededGenerator
    ) -> [CandidateID] {
        selectDistinct(count, from: snapshot, by: self, using: &generator)
    }

    func choose(from pool: [Int], of candidates: [Candidate], using generator: inout SeededGenerator) -> Int {
        generator.index(below: pool.count)
    }
}
