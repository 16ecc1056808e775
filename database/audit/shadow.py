"""The invariant about shadows: what is counted are the rounds that were planned."""

from database.audit.invariant import Invariant

INVARIANTS = (
    Invariant(
        "the counts of a shadow are its rounds, each once",
        "SELECT count(*) FROM personal.shadow_round",
        """
        SELECT format('shadow %s: %s rounds are counted as %s, but there are %s', shadow, coalesce(counted, 0), verdict,
                      coalesce(n, 0))
        FROM (SELECT s.shadow, v.verdict, (s.figures ->> v.verdict)::bigint AS counted
              FROM shadow s CROSS JOIN (VALUES ('same'), ('other_figures'), ('different'), ('impossible')) AS v(verdict)
              WHERE coalesce(s.ended_at > clock_timestamp() - interval '89 days', true)) c
        LEFT JOIN (SELECT shadow, verdict, count(*) AS n FROM personal.shadow_round GROUP BY shadow, verdict) r
            USING (shadow, verdict)
        WHERE coalesce(counted, 0) <> coalesce(n, 0)
        """,
    ),
)
