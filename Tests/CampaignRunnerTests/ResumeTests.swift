import LabCore
import LabTesting
import Testing

@testable import CampaignRunner

@Suite struct ResumeTests {
    private func campaign(_ steps: any StepStore, _ cache: any StepStore, _ archive: InMemoryArchive) -> TestCampaign {
        var campaign = TestCampaign()
        campaign.proposer = unrulyProposer()
        (campaign.steps, campaign.cache, campaign.archive) = (steps, cache, archive)
        return campaign
    }

    @Test func killedAtTwentyMomentsAndResumedTheArchiveIsTheUninterruptedOne() async throws {
        let counted = RecordingStepStore(InMemoryStepStore())
        let whole = campaign(counted, counted, InMemoryArchive())
        _ = try await whole.run()
        let expected = await whole.contents()
        let writes = await counted.writes
        var generator = SeededGenerator(seed: 20)
        for moment in 0..<20 {
            let kept = InMemoryStepStore()
            let archive = InMemoryArchive()
            let killAt = 1 + Int(generator.next() % UInt64(writes))
            let dying = RecordingStepStore(
                kept, killAt: killAt, death: moment.isMultiple(of: 2) ? .beforeWriting : .afterWriting)
            await #expect(throws: (any Error).self) { try await campaign(dying, dying, archive).run() }
            let before = await dying.writesByKey

            let counting = RecordingStepStore(kept)
            let resumed = campaign(counting, counting, archive)
            _ = try await resumed.run()
            #expect(await resumed.contents() == expected, "killed at write \(killAt) of \(writes)")
            let repeated = Set(before.keys).intersection(await counting.writesByKey.keys)
            #expect(repeated.isEmpty, "killed at write \(killAt): \(repeated)")
            let total = await counting.writes
            #expect(total + before.count == writes, "killed at write \(killAt)")
        }
    }

    @Test func killedAgainAndAgainEveryFewStepsItStillEndsTheSame() async throws {
        let whole = campaign(InMemoryStepStore(), InMemoryStepStore(), InMemoryArchive())
        _ = try await whole.run()
        let kept = InMemoryStepStore()
        let archive = InMemoryArchive()
        var deaths = 0
        while true {
            let dying = RecordingStepStore(kept, killAt: 17, death: .afterWriting)
            let next = campaign(dying, dying, archive)
            do {
                _ = try await next.run()
                break
            } catch { deaths += 1 }
            try #require(deaths < 100)
        }
        #expect(deaths > 10)
        let last = campaign(kept, kept, archive)
        #expect(await last.contents() == whole.contents())
    }

    @Test func resumingAFinishedCampaignDoesNothing() async throws {
        let first = TestCampaign()
        let confirmation = try await first.run()
        var again = TestCampaign()
        (again.steps, again.cache, again.archive) = (first.steps, first.cache, first.archive)
        #expect(try await again.run() == confirmation)
        #expect(again.trainer.calls.isEmpty && again.screener.calls.isEmpty && again.proposer.requests.isEmpty)
    }

    @Test func cancellationSaysHowToResumeAndLosesNothingFinished() async throws {
        let whole = TestCampaign()
        _ = try await whole.run()

        let finished = Collected<String>()
        var campaign = TestCampaign()
        campaign.trainer = FakeTrainer { _, _ in .milliseconds(3) }
        let (signals, continuation) = AsyncStream<Void>.makeStream()
        campaign.events = { event in
            guard case .trialFinished(let id, let spec, _, _, false) = event else { return }
            finished.add("\(id) \(spec.slug)")
            if finished.values.count == 60 { continuation.yield() }
        }
        let interrupted = campaign
        let run = Task { try await interrupted.run() }
        for await _ in signals { break }
        run.cancel()
        let error = await #expect(throws: CampaignInterrupted.self) { try await run.value }
        #expect(error?.description.contains("losslab campaign resume test") == true)

        var resumed = TestCampaign()
        (resumed.steps, resumed.cache, resumed.archive) = (campaign.steps, campaign.cache, campaign.archive)
        let repeated = Collected<String>()
        let before = Set(finished.values)
        resumed.events = { event in
            guard case .trialFinished(let id, let spec, _, _, false) = event else { return }
            if before.contains("\(id) \(spec.slug)") { repeated.add("\(id) \(spec.slug)") }
        }
        _ = try await resumed.run()
        #expect(repeated.values.isEmpty)
        #expect(await resumed.contents() == whole.contents())
    }

    @Test func aBrokenMachineStopsTheCampaignAndResumingFinishesIt() async throws {
        let whole = TestCampaign()
        _ = try await whole.run()

        let broken = TestCampaign()
        let failing = BreakingTrainer(FakeTrainer(), worksFor: 50)
        let stages = CampaignStages(
            proposer: broken.proposer, screener: broken.screener,
            trials: TrialPipeline(trainer: failing, judge: FakeJudge()), identity: ExperimentIdentity())
        var config = broken.config
        config.workers = 1
        var limits = broken.limits
        limits.failuresInARow = 3
        let runner = try CampaignRunner(
            config: config, grid: TestCampaign.grid, catalogue: broken.catalogue, stages: stages,
            storage: CampaignStorage(archive: broken.archive, steps: broken.steps, cache: broken.cache),
            limits: limits, clock: broken.clock)
        let error = await #expect(throws: CampaignError.self) { try await runner.run() }
        #expect(error?.code == .systematicFailure)
        #expect(error?.message.contains("GPU fell off the bus") == true)
        #expect(error?.message.contains("resume") == true)

        var resumed = TestCampaign()
        (resumed.steps, resumed.cache, resumed.archive) = (broken.steps, broken.cache, broken.archive)
        _ = try await resumed.run()
        #expect(await resumed.contents() == whole.contents())
    }

    @Test func anArchiveThatFailsHalfwayIsWholeAfterResuming() async throws {
        let whole = TestCampaign()
        _ = try await whole.run()
        for records in [3, 40, 90, 150] {
            let campaign = TestCampaign()
            let runner = try CampaignRunner(
                config: campaign.config, grid: TestCampaign.grid, catalogue: campaign.catalogue,
                stages: CampaignStages(
                    proposer: campaign.proposer, screener: campaign.screener,
                    trials: TrialPipeline(trainer: campaign.trainer, judge: FakeJudge()), identity: ExperimentIdentity()
                ),
                storage: CampaignStorage(
                    archive: FailingArchive(campaign.archive, after: records), steps: campaign.steps,
                    cache: campaign.cache), clock: campaign.clock)
            let error = await #expect(throws: CampaignError.self) { try await runner.run() }
            #expect(error?.code == .storage)
            #expect(error?.message.contains("database is read-only") == true)
            let trained = campaign.trainer.calls
            _ = try await campaign.run()
            #expect(await campaign.contents() == whole.contents(), "failed after \(records) records")
            #expect(trained.allSatisfy { campaign.trainer.calls[$0.key] == $0.value })
        }
    }

    @Test func anotherConfigurationIsRefused() async throws {
        let first = TestCampaign()
        _ = try await first.run()
        var other = TestCampaign()
        (other.steps, other.cache, other.archive) = (first.steps, first.cache, first.archive)
        other.config.budget.candidates = 13
        let error = await #expect(throws: CampaignError.self) { try await other.run() }
        #expect(error?.code == .configuration)
        other.config = first.config
        other.config.workers = 8
        _ = try await other.run()
    }
}

/// Works for a number of trainings, then throws for ever.
private actor BreakingTrainer: PolicyTrainer {
    private let base: FakeTrainer
    private var left: Int

    init(_ base: FakeTrainer, worksFor count: Int) {
        self.base = base
        left = count
    }

    func train(_ loss: LossSource?, as spec: TrialSpec) async throws -> TrainingOutcome {
        guard left > 0 else { throw FakeFailure(description: "GPU fell off the bus") }
        left -= 1
        return try await base.train(loss, as: spec)
    }
}

/// Takes a number of records, then is read-only.
private actor FailingArchive: CandidateArchive {
    private let base: InMemoryArchive
    private var left: Int

    init(_ base: InMemoryArchive, after records: Int) {
        self.base = base
        left = records
    }

    func record(_ candidate: Candidate, of campaign: String) async throws {
        try count()
        await base.record(candidate, of: campaign)
    }

    func record(
        _ outcome: TrialOutcome, _ spec: TrialSpec, of candidate: CandidateID, in campaign: String
    ) async throws {
        try count()
        await base.record(outcome, spec, of: candidate, in: campaign)
    }

    func record(_ confirmation: LabCore.Confirmation, of campaign: String) async throws {
        try count()
        await base.record(confirmation, of: campaign)
    }

    func snapshot(of campaign: String) async throws -> ArchiveSnapshot { await base.snapshot(of: campaign) }

    private func count() throws {
        guard left > 0 else { throw FakeFailure(description: "database is read-only") }
        left -= 1
    }
}
