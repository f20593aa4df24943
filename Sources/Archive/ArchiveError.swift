import Foundation
import GRDB

/// What went wrong with the archive or a run directory: the thing, and what to do next.
public struct ArchiveError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case notFound
        case alreadyExists
        /// A file that is no SQLite database at all.
        case notAnArchive
        /// A SQLite database, but some other program's.
        case foreign
        case corrupt
        /// Written by a newer version of this program.
        case newerVersion
        /// Another process holds the archive, or runs the campaign.
        case locked
        case readOnly
        case diskFull
        case invalidKey
        /// A name that cannot be a folder of the lab.
        case invalidName
        /// Anything else the system refused.
        case system
    }

    public let code: Code
    /// The file or folder concerned.
    public let path: String
    /// What is wrong, and the next step.
    public let message: String

    public init(_ code: Code, path: String, _ message: String) {
        self.code = code
        self.path = path
        self.message = message
    }

    public var description: String { "\(path): \(message)" }
}

extension ArchiveError {
    static let rebuildAdvice = "its rows can be restored from the run directories: `losslab archive rebuild`"

    /// An error of a system call on a file; `doing` completes "cannot be ...".
    static func system(_ number: Int32, path: String, doing: String) -> ArchiveError {
        switch number {
        case ENOSPC, EDQUOT:
            ArchiveError(
                .diskFull, path: path,
                "no space is left on its disk; free some and resume: finished work is kept")
        case EROFS, EACCES, EPERM:
            ArchiveError(
                .readOnly, path: path,
                "cannot be \(doing): \(text(of: number)); make it writable or name another folder, then resume")
        case ENOENT:
            ArchiveError(.notFound, path: path, "cannot be \(doing): there is no such file or folder")
        default:
            ArchiveError(.system, path: path, "cannot be \(doing): \(text(of: number))")
        }
    }

    private static func text(of number: Int32) -> String { String(cString: strerror(number)).lowercased() }

    /// An error of the database in this program's words; others pass unchanged.
    static func translating<Value>(_ path: String, _ operation: () throws -> Value) throws -> Value {
        do { return try operation() } catch { throw translated(error, path: path) }
    }

    static func translating<Value>(_ path: String, _ operation: () async throws -> Value) async throws -> Value {
        do { return try await operation() } catch { throw translated(error, path: path) }
    }

    private static func translated(_ error: any Error, path: String) -> any Error {
        switch error {
        case let error as DatabaseError: database(error, path: path)
        case is DecodingError:
            ArchiveError(.corrupt, path: path, "holds a row that cannot be read; \(rebuildAdvice)")
        default: error
        }
    }

    static func database(_ error: DatabaseError, path: String) -> ArchiveError {
        switch error.resultCode.primaryResultCode {
        case .SQLITE_CORRUPT:
            ArchiveError(.corrupt, path: path, "the archive is damaged; \(rebuildAdvice)")
        case .SQLITE_NOTADB:
            ArchiveError(.notAnArchive, path: path, "is not a SQLite database; move it away, then \(rebuildAdvice)")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            ArchiveError(
                .locked, path: path, "another process is writing to the archive; wait for it to end and try again")
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            ArchiveError(.readOnly, path: path, "the archive cannot be written; make it and its folder writable")
        case .SQLITE_FULL:
            ArchiveError(
                .diskFull, path: path, "no space is left on its disk; free some and resume: finished work is kept")
        case .SQLITE_IOERR:
            ArchiveError(
                .system, path: path,
                "its disk failed to read or write; check its free space and health, then resume: finished work is kept")
        case .SQLITE_CANTOPEN:
            ArchiveError(
                .readOnly, path: path, "the archive cannot be opened or created; make its folder exist and be writable")
        default:
            ArchiveError(.system, path: path, "the database refused: \(error.message ?? error.description)")
        }
    }
}
