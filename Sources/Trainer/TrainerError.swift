/// What went wrong between the controller and its workers: our fault, not the loss's.
public enum TrainerError: Error, CustomStringConvertible {
    /// The worker program is not where it should be.
    case workerMissing(path: String)
    /// The worker started and said why it cannot work.
    case workerUnusable(reason: String)
    /// The worker ended in the middle of a job, twice.
    ///
    /// - Parameter hint: where its log is, as the end of a sentence; the same below.
    case workerLost(job: String, exit: String, hint: String)
    /// The worker reported that the job failed through no fault of the loss; why, in one sentence without a trace.
    case jobFailed(job: String, reason: String, hint: String)
    case timedOut(job: String, seconds: Double)
    case badAnswers(path: String, reason: String)
    case unknownWorld(String)
    /// Model, data or settings cannot be used as they are; why, in a sentence.
    case unusable(String)

    /// Whether a part of the installation is missing or broken, so that no input would do.
    public var isOfTheInstallation: Bool {
        switch self {
        case .workerMissing, .workerUnusable: true
        case .workerLost, .jobFailed, .timedOut, .badAnswers, .unknownWorld, .unusable: false
        }
    }

    public var description: String {
        switch self {
        case .workerMissing(let path):
            "the worker program \(path) is missing; build it with `swift build --product losslab-worker`, "
                + "or name it with LOSSLAB_WORKER"
        case .workerUnusable(let reason):
            "the worker cannot start: \(reason)"
        case .workerLost(let job, let exit, let hint):
            "the worker ended during \(job) (\(exit)) and again on a second try\(hint)"
        case .jobFailed(let job, let reason, let hint):
            "\(job) failed in the worker: \(reason)\(hint)"
        case .timedOut(let job, let seconds):
            "\(job) took longer than its limit of \(Int(seconds)) s and its worker was ended"
        case .badAnswers(let path, let reason):
            "the answers in \(path) cannot be used: \(reason)"
        case .unknownWorld(let name):
            "there is no world named \(name); `losslab evaluation list` shows the worlds"
        case .unusable(let problem): problem
        }
    }
}
