import ArgumentParser
import Trainer

/// Runs something that reads the user's files: what goes wrong is told in one line and ends with exit code 65; 1 where a
/// part of the installation is missing.
func readingInput<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch {
        throw told(error)
    }
}

/// The same for what has to wait.
func readingInput<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch {
        throw told(error)
    }
}

private func told(_ error: any Error) -> ExitCode {
    log("losslab: \(plain(error))")
    return (error as? TrainerError)?.isOfTheInstallation == true ? .failure : .badInput
}

/// Runs something that can fail through no fault of the input: told in one line, exit code 1.
func orFail<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch let code as ExitCode {
        throw code
    } catch {
        log("losslab: \(plain(error))")
        throw ExitCode.failure
    }
}
