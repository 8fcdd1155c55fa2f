namespace Tracking.Console.Tests;

/// <summary>Tracking domains in every state, with rows as the verifier stores them.</summary>
internal static class SomeDomains
{
    public static async Task AddAsync(Running running, SomeShop shop)
    {
        foreach (var host in new[] { "track", "news", "links", "old" })
        {
            await running.PostAsync(
                $"/api/v1/clusters/{shop.Id}/tracking-domains", new { hostname = $"{host}.harbour.example.org" });
        }

        await running.ExecuteAsync(
            """
            UPDATE domains.tracking_domains SET status = 1, is_default = hostname LIKE 'track.%',
                verified_at = now() - interval '200 days', status_since = now() - interval '200 days',
                created_at = now() - interval '201 days',
                certificate_until = now() + interval '31 days', last_checked_at = now() - interval '3 hours',
                next_check_at = now() + interval '21 hours', is_retired = hostname LIKE 'old.%'
            WHERE hostname NOT LIKE 'links.%'
            """);
        await running.ExecuteAsync(
            """
            UPDATE domains.tracking_domains SET strikes = 1, struck_at = now() - interval '3 hours',
                last_check = $1::jsonb WHERE hostname LIKE 'news.%'
            """,
            Diagnosis);
        await running.ExecuteAsync(
            """
            INSERT INTO domains.checks (id, domain_id, at, cause, outcome, effect, diagnosis)
            SELECT gen_random_uuid(), id, now() - days * interval '1 day' - interval '3 hours', 1,
                CASE WHEN days = 0 THEN 1 ELSE 0 END, CASE WHEN days = 0 THEN 2 ELSE 0 END, last_check
            FROM domains.tracking_domains, generate_series(0, 3) AS days WHERE hostname LIKE 'news.%'
            """);
    }

    private const string Diagnosis =
        """
        {"host":"news.harbour.example.org","target":"v-8k2m4q.track.localhost","outcome":"contradicted",
        "at":"2026-11-28T09:40:12Z","zone":"harbour.example.org","provider":"Cloudflare","nameToEnter":"news",
        "valueToEnter":"v-8k2m4q.track.localhost","queries":6,
        "findings":[{"code":"other-target","severity":"error",
        "text":"news.harbour.example.org is a CNAME to harbour.pages.example.dev.","expected":"v-8k2m4q.track.localhost",
        "seen":"harbour.pages.example.dev","server":"kim.ns.example.net (192.0.2.53)","at":"2026-11-28T09:40:12Z",
        "rememberedUntil":"2026-11-28T09:45:12Z",
        "nextStep":"Put the record back, then verify again; nothing else is needed."}],
        "hops":[{"purpose":"zone","name":"harbour.example.org","type":"NS","address":"192.0.2.1","transport":"udp",
        "rcode":"NOERROR","ttl":3600,"answers":["NS kim.ns.example.net","NS rob.ns.example.net"],
        "at":"2026-11-28T09:40:12Z"},
        {"purpose":"walk","name":"news.harbour.example.org","type":"CNAME","server":"kim.ns.example.net",
        "address":"192.0.2.53","transport":"udp","rcode":"NOERROR","ttl":300,
        "answers":["CNAME harbour.pages.example.dev"],"at":"2026-11-28T09:40:12Z"},
        {"purpose":"walk","name":"news.harbour.example.org","type":"CNAME","server":"rob.ns.example.net",
        "address":"192.0.2.54","transport":"udp","failure":"timed-out","answers":[],"at":"2026-11-28T09:40:13Z"}]}
        """;
}
