import CSpawn
import Foundation

/// What a new process is made of; its descriptors 0, 1 and 2, and 3 are the only ones it gets.
struct SpawnRequest {
    let executable: String
    let arguments: [String]
    let environment: [String: String]
    let workingDirectory: String?
    let input: Descriptor
    let output: Descriptor
    let events: Descriptor
}

/// Starts a process as leader of a new session, so that it can be ended with all it starts.
func spawn(_ request: SpawnRequest) throws -> Int32 {
    let variables = request.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let arguments = ([request.executable] + request.arguments).map { strdup($0) } + [nil]
    let environment = variables.map { strdup($0) } + [nil]
    defer { (arguments + environment).forEach { free($0) } }
    let descriptors = [request.input, request.output, request.output, request.events].map(\.number)
    let process = spawn_program(
        request.executable, arguments, environment, request.workingDirectory, descriptors)
    guard process > 0 else { throw ChildProcessError("start \(request.executable)", errno) }
    return process
}
