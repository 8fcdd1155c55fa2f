using System.Net;
using System.Text.Json.Nodes;
using Npgsql;
using Tracking.Links;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

/// <summary>Events in the order of storing, for clients that cannot receive webhooks.</summary>
[Collection(nameof(ManagementCollection))]
public sealed class PollEventsTests(ManagementHost host)
{
    private static readonly DateTimeOffset _noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_event_comes_once_in_the_order_of_storing_however_small_the_pages()
    {
        var (path, mail) = await MailAsync();
        var stored = new List<Guid>();
        for (var batch = 0; batch < 5; batch++)
        {
            // The events of each batch are older than those of the batch stored before.
            var ids = new List<Guid>();
            for (var i = 0; i < 7; i++)
            {
                ids.Add(await mail.EventAsync(LinkKind.Click, _noon.AddHours(-batch).AddSeconds(i), default));
            }

            await StoredAsync(host.DataSource, mail, ids);
            stored.AddRange(ids);
        }

        foreach (var limit in (int[])[1, 3, 500])
        {
            Assert.Equal(stored, (await ReadAsync(path, null, limit)).Ids);
        }

        var (_, place) = await ReadAsync(path, null, 500);
        Assert.Empty((await ReadAsync(path, place, 500)).Ids);
    }

    [Fact]
    public async Task Events_of_a_transaction_that_commits_after_a_read_are_not_skipped()
    {
        var (path, mail) = await MailAsync();
        var (early, late) = (
            await mail.EventAsync(LinkKind.Click, _noon, default),
            await mail.EventAsync(LinkKind.Open, _noon.AddSeconds(1), default));
        await using var slow = await host.DataSource.OpenConnectionAsync(Cancelled);
        await using var transaction = await slow.BeginTransactionAsync(Cancelled);
        await using (var insert = Insert(slow.CreateCommand(), mail, [early]))
        {
            await insert.ExecuteNonQueryAsync(Cancelled);
        }

        await StoredAsync(host.DataSource, mail, [late]);
        var (first, place) = await ReadAsync(path, null, 500);
        Assert.Equal([late], first);
        await transaction.CommitAsync(Cancelled);
        Assert.Equal([early], (await ReadAsync(path, place, 500)).Ids);
    }

    [Fact]
    public async Task Many_readers_and_writers_at_once_miss_nothing_and_see_nothing_twice()
    {
        var (path, mail) = await MailAsync();
        var all = new List<Guid>();
        for (var i = 0; i < 60; i++)
        {
            all.Add(await mail.EventAsync(LinkKind.Click, _noon.AddSeconds(i), default));
        }

        var writing = Parallel.ForEachAsync(
            all, Cancelled, async (id, _) => await StoredAsync(host.DataSource, mail, [id]));
        var readers = Enumerable.Range(0, 4).Select(async _ =>
        {
            var seen = new List<Guid>();
            string? place = null;
            while (!writing.IsCompleted || seen.Count < all.Count)
            {
                var (ids, next) = await ReadAsync(path, place, 7);
                seen.AddRange(ids);
                place = next;
                Assert.InRange(seen.Count, 0, all.Count);
            }

            return seen;
        }).ToList();
        await writing;
        var orders = await Task.WhenAll(readers);
        Assert.Equal(all.Order(), orders[0].Order());
        Assert.All(orders, order => Assert.Equal(orders[0], order));
    }

    [Fact]
    public async Task Filters_leave_out_events_and_keep_the_place()
    {
        var (path, mail) = await MailAsync();
        var open = await mail.EventAsync(LinkKind.Open, _noon, default);
        var clicks = new[]
        {
            await mail.EventAsync(LinkKind.Click, _noon, default),
            await mail.EventAsync(LinkKind.Click, _noon, default),
        };
        await StoredAsync(host.DataSource, mail, [clicks[0], open, clicks[1]]);
        var (ids, place) = await ReadAsync(path + "&kind=click", null, 500);
        Assert.Equal(clicks, ids);
        Assert.Empty((await ReadAsync(path, place, 500)).Ids);
        Assert.Equal([open], (await ReadAsync(path + "&kind=open", null, 1)).Ids);
    }

    [Fact]
    public async Task The_place_now_is_after_all_stored_events()
    {
        var (path, mail) = await MailAsync();
        var nothing = (string)(await GetAsync(host.Admin, path + "&after=now"))["next"]!;
        var old = await mail.EventAsync(LinkKind.Click, _noon, default);
        await StoredAsync(host.DataSource, mail, [old]);
        var now = await GetAsync(host.Admin, path + "&after=now");
        Assert.Empty(now["items"]!.AsArray());
        var id = await mail.EventAsync(LinkKind.Click, _noon, default);
        await StoredAsync(host.DataSource, mail, [id]);
        Assert.Equal([id], (await ReadAsync(path, (string)now["next"]!, 500)).Ids);
        Assert.Equal([old, id], (await ReadAsync(path, nothing, 500)).Ids);
    }

    [Fact]
    public async Task A_place_that_is_pruned_or_of_another_history_is_refused_and_the_newest_old_one_is_not()
    {
        var (path, mail) = await MailAsync();
        var places = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            await StoredAsync(host.DataSource, mail, [await mail.EventAsync(LinkKind.Click, _noon, default)]);
            places.Add((await ReadAsync(path, places.LastOrDefault(), 500)).Next);
        }

        await host.ExecuteAsync(
            "DELETE FROM ingest.stored_events WHERE cluster_id = $1 AND position = 1", mail.Cluster.Value);
        using var pruned = await Expect.GetAsync(host.Admin, $"{path}&after={places[0]}");
        await Expect.ProblemAsync(pruned, HttpStatusCode.Gone, "cursor-expired", "after=now");
        Assert.Single((await ReadAsync(path, places[1], 500)).Ids);

        // Other rows have these positions, as after the restore of a backup.
        await host.ExecuteAsync(
            "UPDATE ingest.stored_events SET id = gen_random_uuid() WHERE cluster_id = $1", mail.Cluster.Value);
        using var restored = await Expect.GetAsync(host.Admin, $"{path}&after={places[2]}");
        await Expect.ProblemAsync(restored, HttpStatusCode.Gone, "cursor-expired");
    }

    [Theory]
    [InlineData("&after=x", HttpStatusCode.BadRequest)]
    [InlineData("&after=019aab3c-7f5b-7c11-9a52-3d2f0c6b8e41", HttpStatusCode.BadRequest)]
    public async Task A_cursor_of_another_list_is_refused(string query, HttpStatusCode status)
    {
        var (path, _) = await MailAsync();
        using var response = await Expect.GetAsync(host.Admin, path + query);
        Assert.Equal(status, response.StatusCode);
    }

    private async Task<(string Path, TrackedMail Mail)> MailAsync()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        return ($"/api/v1/clusters/{cluster}/events?order=stored", new TrackedMail(host, cluster));
    }

    // Reads up to the present end.
    private async Task<(List<Guid> Ids, string Next)> ReadAsync(string path, string? after, int limit)
    {
        var ids = new List<Guid>();
        while (true)
        {
            var page = await GetAsync(host.Admin, $"{path}&limit={limit}&after={after}");
            var items = page["items"]!.AsArray();
            ids.AddRange(items.Select(item => Guid.Parse((string)item!["id"]!)));
            after = (string)page["next"]!;
            if (items.Count < limit && page["partial"] is not JsonValue)
            {
                return (ids, after);
            }
        }
    }

    // Writes the row as ingest does.
    private static async Task StoredAsync(NpgsqlDataSource database, TrackedMail mail, IReadOnlyList<Guid> ids)
    {
        await using var insert = Insert(database.CreateCommand(), mail, ids);
        await insert.ExecuteNonQueryAsync(Cancelled);
    }

    private static NpgsqlCommand Insert(NpgsqlCommand command, TrackedMail mail, IReadOnlyList<Guid> ids)
    {
        command.CommandText =
            "INSERT INTO ingest.stored_events (cluster_id, id, event_ids) VALUES ($1, gen_random_uuid(), $2)";
        command.Parameters.Add(new() { Value = mail.Cluster.Value });
        command.Parameters.Add(new() { Value = ids.ToArray() });
        return command;
    }
}
