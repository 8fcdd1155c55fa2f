using Tracking.Functional.Tests.Rewrite;
using Tracking.Servers;

[assembly: AssemblyFixture(typeof(RewritePostgres))]

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>One server for all tests of the rewriter. Each test has its own database.</summary>
public sealed class RewritePostgres : IAsyncDisposable
{
    private readonly TestPostgres _postgres = new();

    public Task<string> CreateDatabaseAsync() =>
        _postgres.CreateDatabaseAsync(TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _postgres.DisposeAsync();
}
