import GRDB

/// The tables, as a sequence of migrations that is only ever appended to.
enum Schema {
    /// Marks the file as ours ("LOSS").
    static let applicationID = 0x4C4F_5353

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1-campaigns-candidates-trials-confirmations") { database in
            try database.execute(sql: "PRAGMA application_id = \(applicationID)")
            try database.execute(sql: version1)
        }
        migrator.registerMigration("2-reruns") { try $0.execute(sql: version2) }
        // The end of the run's chain of files, as of the last row.
        migrator.registerMigration("3-chain") { try $0.execute(sql: "ALTER TABLE campaigns ADD COLUMN chain TEXT") }
        return migrator
    }

    /// `document` columns hold the whole value as JSON; the others exist for questions asked in SQL.
    ///
    /// Trials may be recorded before their candidate, so they refer to the campaign alone.
    private static let version1 = """
        CREATE TABLE campaigns (
            name TEXT PRIMARY KEY NOT NULL,
            world TEXT, seed TEXT, started TEXT,
            verdict TEXT, winner TEXT,
            manifest TEXT, confirmation TEXT
        ) STRICT;

        CREATE TABLE candidates (
            campaign TEXT NOT NULL REFERENCES campaigns (name) ON DELETE CASCADE,
            id INTEGER NOT NULL,
            name TEXT NOT NULL, origin TEXT NOT NULL, arm TEXT NOT NULL, generation INTEGER NOT NULL,
            operation TEXT NOT NULL,
            status TEXT NOT NULL, reason TEXT,
            fidelity TEXT, fitness REAL, score REAL, standard_error REAL,
            greedy REAL, greedy_standard_error REAL, kl REAL, learning_rate REAL, beta REAL,
            trials INTEGER, fingerprint TEXT,
            document TEXT NOT NULL,
            PRIMARY KEY (campaign, id)
        ) STRICT;
        CREATE INDEX candidates_by_name ON candidates (campaign, name);

        CREATE TABLE parents (
            campaign TEXT NOT NULL, child INTEGER NOT NULL, parent INTEGER NOT NULL,
            PRIMARY KEY (campaign, child, parent),
            FOREIGN KEY (campaign, child) REFERENCES candidates (campaign, id) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX children_by_parent ON parents (campaign, parent);

        CREATE TABLE trials (
            campaign TEXT NOT NULL REFERENCES campaigns (name) ON DELETE CASCADE,
            candidate INTEGER NOT NULL,
            slug TEXT NOT NULL,
            world TEXT NOT NULL, fidelity TEXT NOT NULL, learning_rate REAL NOT NULL, beta REAL NOT NULL,
            seed INTEGER NOT NULL, pair_pool TEXT NOT NULL, question_set TEXT NOT NULL,
            pair_count INTEGER NOT NULL, epochs INTEGER NOT NULL,
            status TEXT NOT NULL, reason TEXT,
            questions INTEGER, score REAL, standard_error REAL, lowest REAL, highest REAL,
            greedy REAL, greedy_standard_error REAL, greedy_lowest REAL, greedy_highest REAL,
            kl REAL, seconds REAL, weights_hash TEXT,
            document TEXT NOT NULL,
            PRIMARY KEY (campaign, candidate, slug)
        ) STRICT;

        -- The judge's scores of a trial over its questions; standard errors are over questions.
        CREATE VIEW judgments AS
            SELECT campaign, candidate, slug, 'sampled' AS decoding, questions, score AS mean, standard_error, lowest,
                highest FROM trials WHERE status = 'scored'
            UNION ALL
            SELECT campaign, candidate, slug, 'greedy', questions, greedy, greedy_standard_error, greedy_lowest,
                greedy_highest FROM trials WHERE status = 'scored';

        CREATE TABLE confirmations (
            campaign TEXT NOT NULL REFERENCES campaigns (name) ON DELETE CASCADE,
            name TEXT NOT NULL, world TEXT NOT NULL,
            learning_rate REAL NOT NULL, beta REAL NOT NULL, search_score REAL,
            score REAL, standard_error REAL, greedy REAL, kl REAL, seeds INTEGER NOT NULL,
            PRIMARY KEY (campaign, name, world)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE comparisons (
            campaign TEXT NOT NULL REFERENCES campaigns (name) ON DELETE CASCADE,
            candidate TEXT NOT NULL, against TEXT NOT NULL, world TEXT NOT NULL,
            difference REAL, standard_error REAL, p_value REAL, adjusted_p_value REAL,
            PRIMARY KEY (campaign, candidate, against, world)
        ) STRICT, WITHOUT ROWID;
        """

    /// One row a loss of a rerun; `document` is the whole rerun. Reruns belong to a loss's text, not to a campaign.
    private static let version2 = """
        CREATE TABLE reruns (
            id TEXT NOT NULL, name TEXT NOT NULL, text_hash TEXT NOT NULL,
            campaign TEXT, candidate INTEGER,
            at TEXT NOT NULL, dataset TEXT NOT NULL, model TEXT NOT NULL, against TEXT NOT NULL,
            status TEXT NOT NULL, learning_rate REAL, beta REAL, seeds INTEGER NOT NULL,
            accuracy REAL, accuracy_standard_error REAL, difference REAL, difference_standard_error REAL,
            margin REAL, kl REAL, chosen_nll REAL, length_change REAL, score REAL, score_standard_error REAL,
            document TEXT NOT NULL,
            PRIMARY KEY (id, name)
        ) STRICT;
        CREATE INDEX reruns_by_text ON reruns (text_hash);
        """
}
