"""The tables of Thanos' own tests, asked of the fast code and of the plain reference alike.

A row says in our words which blocks there are and what must come of them; the number of a block is
the end of its ULID in the test that the row is from. All are of thanos-io/thanos at e103a81b
(0.43-dev).

=============================  ==================================================================
module                         tests
=============================  ==================================================================
:mod:`.test_planning`          pkg/compact/planner_test.go, compact_test.go (progress of compaction)
:mod:`.test_filtering`         pkg/block/fetcher_test.go: deduplicate, consistency delay, marks
:mod:`.test_passing`           pkg/compact: compact_e2e_test.go, clean_test.go, retention_test.go,
                               compact_test.go (progress of retention and of downsampling);
                               pkg/block/block_test.go: delete, mark
=============================  ==================================================================

Rows that have no meaning here, and why:

- planner: blocks with many tombstones (1 row that plans them; the 3 that do not are here), a block
  whose compaction failed (3), limits of the index (7): none of these is modelled. What overlaps is
  planned there only with vertical compaction; without, the compactor halts before it plans
  (compact.go, Group.compact).
- blocks of a query (pkg/store/bucket_test.go, getFor) are not asked here. One row does not hold:
  it asks for [100, 400] and gets the block [400, 500) too, for both ends of a range are closed
  there; here the last one is open (Q1, Q2). Arrivals are at any microsecond, so it is one of them.
- filters: time partition, label shard and hash (external labels are the stream here), replica
  labels, blocks converted to Parquet, sources that repair a bucket, a meta.json that is corrupt
  or of another version, a cache on disk.
- retention: data of the year 1900 (time begins at 0), a resolution that does not exist.
- group keys, extensions, error kinds, download and hash checks of files, the clean-up of local
  folders: nothing of it exists here. `TestGarbageCollect_FilterRace` needs threads.
"""
