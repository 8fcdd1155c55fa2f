using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using Tracking.Database.Entities;
using Tracking.EventIngest.Bots;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.EventIngest;

/// <summary>Lists are replaced without a restart. A new list is first compared with the one in use.</summary>
public sealed class FollowListsTests(TestPostgres server)
{
    private const string Robot = "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Tester/1.0";

    private const string Listed = """[{"pattern":"Tester\\/","tags":["scanner"]}]""";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_list_in_the_shadow_changes_nothing_and_says_what_it_would_change_until_it_is_in_force()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var events = Enumerable.Range(0, 5).Select(n => database.Event() with
        {
            UserAgent = Encoding.ASCII.GetBytes(n < 3 ? Robot : SomeEvent.Chrome),
        });
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, events));
        var classify = new ClassifyEvent();
        using var follow = Follow(database, classify, new ClassificationOptions());
        await AddAsync(database, "two", Listed);

        await follow.RunAsync(Cancelled);

        Assert.Equal(Verdict.Human, Judge(classify));
        var difference = JsonNode.Parse((string)(await database.ScalarAsync(
            "SELECT difference::text FROM ingest.lists WHERE state = 0 AND compared_at IS NOT NULL"))!)!;
        Assert.Equal((5, 3), ((int)difference["events"]!, (int)difference["changed"]!));
        Assert.Equal(
            ("human", "scanner", Robot),
            ((string)difference["changes"]![0]!["from"]!, (string)difference["changes"]![0]!["to"]!,
                (string)difference["changes"]![0]!["userAgent"]!));

        await database.ExecuteAsync("UPDATE ingest.lists SET state = 1");
        await follow.RunAsync(Cancelled);

        Assert.Equal(Verdict.Scanner, Judge(classify));
        Assert.Equal("two", classify.Rules.Crawlers.Version);
        Assert.Equal(1L, await database.ScalarAsync(
            "SELECT count(*) FROM ingest.rule_sets WHERE number = $1 AND content::text LIKE '%\"two\"%'",
            classify.Rules.Number));
    }

    [Theory]
    [InlineData("crawlers", "[]", "empty")]
    [InlineData("networks", "no database", "file of networks")]
    [InlineData("others", "[]", "no list others")]
    public async Task A_list_that_cannot_be_read_is_refused_with_the_reason(string name, string content, string why)
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var classify = new ClassifyEvent();
        using var follow = Follow(database, classify, new ClassificationOptions());
        await AddAsync(database, "bad", content, name);

        await follow.RunAsync(Cancelled);

        Assert.Contains(
            why, (string)(await database.ScalarAsync(
                "SELECT difference ->> 'refused' FROM ingest.lists WHERE state = 3"))!, StringComparison.Ordinal);
        Assert.Same(CrawlerList.Shipped, classify.Rules.Crawlers);
    }

    [Fact]
    public async Task A_file_is_read_again_when_it_changes_and_one_that_is_broken_changes_nothing()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, """[{"pattern":"Nobody\\/"}]""", Cancelled);
        var classify = new ClassifyEvent();
        using var follow = Follow(database, classify, new ClassificationOptions { CrawlersFile = file });

        await follow.RunAsync(Cancelled);
        Assert.Equal(Verdict.Human, Judge(classify));
        await File.WriteAllTextAsync(file, Listed, Cancelled);
        await follow.RunAsync(Cancelled);
        Assert.Equal(Verdict.Scanner, Judge(classify));
        await File.WriteAllTextAsync(file, "no list any more", Cancelled);
        await follow.RunAsync(Cancelled);
        Assert.Equal(Verdict.Scanner, Judge(classify));

        File.Delete(file);
    }

    private static Verdict Judge(ClassifyEvent classify) =>
        classify.Recognise(Encoding.ASCII.GetBytes(Robot)).For(LinkKind.Click).Verdict;

    private static FollowLists Follow(IngestDatabase database, ClassifyEvent classify, ClassificationOptions options) =>
        new(classify, new CompareRules(database.Own), database.Own, Options.Create(options), TimeProvider.System,
            new KeptLog<FollowLists>());

    private static Task AddAsync(IngestDatabase database, string version, string content, string name = "crawlers") =>
        database.ExecuteAsync(
            "INSERT INTO ingest.lists (name, version, content) VALUES ($1, $2, $3)", name, version,
            Encoding.UTF8.GetBytes(content));
}
