package import EventLog
import KeyValueStore
import ReadModel

extension ProjectionEngine {
    // MARK: - Catching up

    /// Makes the views ready to serve: throws away what is of another past or an older version, rebuilds it, and applies what
    /// the log has more.
    ///
    /// - Parameter end: where to stop; nil for the log's head. It goes on until the head no longer moves away.
    package func catchUp(upTo end: LogPosition? = nil, progress: ReplayProgress? = nil) throws {
        let source = try requireSource()
        if try !isOfThisPast(source) { try startOver() }
        let outdated = try outdatedProjections()
        if !outdated.isEmpty { try rebuild(outdated, progress: progress) }
        while true {
            let target = try end ?? source.head()
            if views.head >= target { return }
            try exclusively { state in
                let context = state.context
                let replay = RecordReplay(
                    lineup: lineup,
                    context: context,
                    environment: views.environment,
                    source: source,
                    chunksPerTransaction: replayChunks,
                    progress: progress,
                    checkpoint: { [views] last, transaction in
                        try ViewCheckpoint.setHead(
                            last.position, chainHash: last.chainHash, transaction, views.checkpoints)
                    },
                    committed: { [views] in views.advance(to: $0.position) }
                )
                do {
                    try replay.run(after: views.head, upTo: target)
                } catch let halt as HaltedProjection {
                    state.halted = halt
                    throw halt
                }
            }
        }
    }

    /// Whether the log has the record that the views ended with.
    private func isOfThisPast(_ source: RecordSource) throws -> Bool {
        let head = views.head
        if head == LogPosition.none { return true }
        guard try source.head() >= head, let record = try source.read(head, 1).first, record.position == head else {
            return false
        }
        let known = try views.environment.read { try ViewCheckpoint.chainHash($0, views.checkpoints) }
        return known.isEmpty || record.chainHash.isEmpty || known == record.chainHash
    }

    /// Empties everything.
    private func startOver() throws {
        try exclusively { state in
            try views.environment.write { transaction in
                for table in ViewTable.allCases { try transaction.clear(views.tables[table]) }
                try transaction.clear(views.checkpoints)
                for projection in projections {
                    try RebuildCheckpoint.setVersion(of: projection, transaction, views.checkpoints)
                }
            }
            // Generations begin again at 1, so tables of later ones are left over.
            try dropOtherGenerations()
            try views.reload()
            state.context = BatchContext(tables: views.tables)
        }
    }

    /// Projections whose tables another version of them has written.
    private func outdatedProjections() throws -> [String] {
        if views.head == LogPosition.none {
            try views.environment.write { transaction in
                for projection in projections {
                    try RebuildCheckpoint.setVersion(of: projection, transaction, views.checkpoints)
                }
            }
            return []
        }
        return try views.environment.read { transaction in
            try projections.filter { projection in
                try RebuildCheckpoint.version(of: projection.name, transaction, views.checkpoints) != projection.version
            }.map(\.name)
        }
    }

    // MARK: - Rebuilding

    /// Builds projections anew beside the live ones and puts them in place at the end.
    ///
    /// Live batches go on being applied to the old tables meanwhile. Interrupted, it goes on where it was when it is called
    /// again for the same projections.
    ///
    /// - Parameter names: nil for all.
    package func rebuild(_ names: [String]? = nil, progress: ReplayProgress? = nil) throws {
        let source = try requireSource()
        let chosen = try choose(names)
        let plan = try beginRebuild(of: chosen)
        let tables = try ViewTables(environment: views.environment) { table in
            plan.tables.contains(table) ? plan.generation : plan.live[table.ordinal]
        }
        let context = BatchContext(tables: tables)
        var done = plan.position
        // Live batches run meanwhile; the last stretch is done while they wait.
        while done.rawValue + 4096 < views.head.rawValue {
            let target = views.head
            try replay(chosen, context, source, after: done, upTo: target, progress)
            done = target
        }
        try exclusively { state in
            try replay(chosen, context, source, after: done, upTo: views.head, progress)
            try putInPlace(chosen, plan)
            state.context = BatchContext(tables: views.tables)
        }
        try dropOtherGenerations()
    }

    private func choose(_ names: [String]?) throws -> [any Projection] {
        guard let names else { return projections }
        for name in names where !projections.contains(where: { $0.name == name }) {
            throw ProjectionFault.unknownProjection(name)
        }
        return projections.filter { names.contains($0.name) }
    }

    private func replay(
        _ chosen: [any Projection], _ context: BatchContext, _ source: RecordSource, after start: LogPosition,
        upTo end: LogPosition, _ progress: ReplayProgress?
    ) throws {
        let replay = RecordReplay(
            lineup: ProjectionLineup(chosen),
            context: context,
            environment: views.environment,
            source: source,
            chunksPerTransaction: replayChunks,
            progress: progress,
            checkpoint: { [views] last, transaction in
                try RebuildCheckpoint.setPosition(last.position, transaction, views.checkpoints)
            },
            committed: { _ in }
        )
        try replay.run(after: start, upTo: end)
    }

    /// What is being rebuilt and how far it is.
    struct RebuildPlan {
        let tables: Set<ViewTable>
        /// The generation of each table that serves reads.
        let live: [UInt32]
        /// The generation that is being filled.
        let generation: UInt32
        let position: LogPosition
    }

    private func beginRebuild(of chosen: [any Projection]) throws -> RebuildPlan {
        let tables = Set(chosen.flatMap(\.tables))
        let label = chosen.map { "\($0.name)/\($0.version)" }.joined(separator: " ")
        let checkpoints = views.checkpoints
        let (live, begun) = try views.environment.read { transaction in
            let live = try ViewTable.allCases.map { try ViewCheckpoint.generation(of: $0, transaction, checkpoints) }
            return (live, try RebuildCheckpoint.begun(transaction, checkpoints))
        }
        if let begun, begun.label == label {
            return RebuildPlan(tables: tables, live: live, generation: begun.generation, position: begun.position)
        }
        if begun != nil {
            try views.environment.write { try RebuildCheckpoint.remove($0, checkpoints) }
            try dropOtherGenerations()
        }
        let generation = (live.max() ?? 1) + 1
        for table in tables { try views.environment.dropTable(table.storeName(generation: generation)) }
        try views.environment.write { transaction in
            try RebuildCheckpoint.begin(label: label, generation: generation, transaction, checkpoints)
        }
        return RebuildPlan(tables: tables, live: live, generation: generation, position: LogPosition.none)
    }

    private func putInPlace(_ chosen: [any Projection], _ plan: RebuildPlan) throws {
        let checkpoints = views.checkpoints
        try views.environment.write { transaction in
            for table in plan.tables {
                try ViewCheckpoint.setGeneration(of: table, to: plan.generation, transaction, checkpoints)
            }
            for projection in chosen { try RebuildCheckpoint.setVersion(of: projection, transaction, checkpoints) }
            try RebuildCheckpoint.remove(transaction, checkpoints)
        }
        try views.reload()
    }

    /// Removes the tables that neither serve reads nor are being filled.
    private func dropOtherGenerations() throws {
        let checkpoints = views.checkpoints
        let keep = try views.environment.read { transaction in
            var keep: Set<String> = []
            let begun = try RebuildCheckpoint.begun(transaction, checkpoints)
            for table in ViewTable.allCases {
                let live = try ViewCheckpoint.generation(of: table, transaction, checkpoints)
                keep.insert(table.storeName(generation: live))
                if let begun { keep.insert(table.storeName(generation: begun.generation)) }
            }
            return keep
        }
        for name in try views.environment.listTables() where name.contains("@") && !keep.contains(name) {
            try views.environment.dropTable(name)
        }
    }
}
