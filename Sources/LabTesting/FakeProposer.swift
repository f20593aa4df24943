public import LabCore
import Synchronization

/// Proposes fake losses: by default, a parent's value changed a little, or a fresh one without parents.
public final class FakeProposer: LossProposer {
    public typealias Invent = @Sendable (ProposalRequest, inout SeededGenerator) throws -> FakeLoss

    private let invent: Invent
    private let requestLog = Mutex<[Int: SearchArm]>([:])

    public init(_ invent: @escaping Invent = FakeProposer.nearParents) {
        self.invent = invent
    }

    /// Which numbers were asked for, and for which arm.
    public var requests: [Int: SearchArm] { requestLog.withLock { $0 } }

    public func propose(_ request: ProposalRequest) async throws -> LossProposal {
        requestLog.withLock { $0[request.number] = request.arm }
        var generator = SeededGenerator(seed: request.seed)
        let fake = try invent(request, &generator)
        return LossProposal(
            name: fake.name, text: fake.text, parents: request.parents.map(\.id),
            operation: request.parents.isEmpty ? "random" : "mutation", note: "seed \(request.seed)")
    }

    /// The first parent's true value, a little up or down, never above 6.5.
    public static func nearParents(
        _ request: ProposalRequest, _ generator: inout SeededGenerator
    ) -> FakeLoss {
        let parent = request.parents.first?.source.flatMap { FakeLoss(text: $0.text) }
        let value = (parent?.value ?? 5.5) + 0.1 * generator.normal()
        return FakeLoss(name: "c\(request.number)", value: min(value, 6.5))
    }
}
