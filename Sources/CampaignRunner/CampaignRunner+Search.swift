import Evolution
import LabCore

extension CampaignRunner {
    /// Generation after generation until the budget ends; what selection sees at the end.
    func search(from catalogue: [Candidate]) async throws -> ArchiveSnapshot {
        var population = Population()
        population.add(catalogue: catalogue)
        var seen = SeenLosses()
        for loss in catalogue { seen.insert(loss.id, name: loss.proposal.name, fingerprint: loss.fingerprint) }
        let drafting = drafting(knowing: catalogue)
        var progress = SearchProgress()
        var halted = false

        // A time budget counts the seconds stored with each generation, so a resumed search ends where it ended before.
        while !halted, progress.end(under: config.budget) == nil {
            let record: GenerationRecord
            let key = "generation/\(progress.generations + 1)"
            if let finished: GenerationRecord = try await steps.finished(key) {
                record = finished
                seen.insert(finished.candidates)
            } else {
                let started = clock()
                let pipeline = generation(after: progress, snapshot: population.snapshot, drafting: drafting)
                let (candidates, isLast) = try await pipeline.run(seen: &seen)
                halted = isLast
                if candidates.isEmpty { break }
                record = GenerationRecord(
                    number: pipeline.number, slots: pipeline.slots, candidates: candidates,
                    seconds: clock() - started)
                try await steps.keep(record, for: key)
            }
            population.add(record.candidates)
            progress.add(record)
            scheduler.failures.forgetRecorded()
            events(.generationFinished(number: record.number, evaluated: progress.evaluated))
        }
        if let end = progress.end(under: config.budget) ?? (halted ? .modelBudget : nil) {
            logger.info("search ended after \(progress.evaluated) candidates: \(end.sentence)")
        }
        return population.snapshot
    }

    private func generation(
        after progress: SearchProgress, snapshot: ArchiveSnapshot, drafting: Drafting
    ) -> GenerationPipeline {
        let next = progress.nextGeneration(under: config.budget)
        return GenerationPipeline(
            number: progress.generations + 1,
            slots: ArmSchedule(config.proposer).next(next.slots, after: progress.slotsByArm),
            firstID: progress.proposals + 1, proposals: next.proposals, snapshot: snapshot, drafting: drafting,
            ladder: TuningLadder(
                tuning: tuning, scheduler: scheduler, journal: steps, label: "generation \(progress.generations + 1)"),
            recorder: recorder)
    }

    private func drafting(knowing catalogue: [Candidate]) -> Drafting {
        Drafting(
            seed: config.seed, workers: max(config.workers, config.proposer.model?.endpoint.concurrency ?? 0),
            stages: stages,
            selector: selector,
            beta: tuning.smokeTrial().setting.beta, limits: limits, failures: scheduler.failures, journal: steps,
            catalogueFingerprints: Dictionary(
                uniqueKeysWithValues: catalogue.compactMap { loss in loss.fingerprint.map { (loss.id, $0) } }),
            events: events)
    }
}
