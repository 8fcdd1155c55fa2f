using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.RedirectEdge;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;
using Tracking.Servers;

namespace Tracking.Functional.Tests.SharedCache;

/// <summary>The look-up of an edge with its own folder, database and shared cache.</summary>
internal sealed class SharedEdge : IAsyncDisposable
{
    private readonly TemporaryFolder _temporary = new();
    private readonly EdgeFolder _folder;
    private readonly NpgsqlDataSource _database;

    /// <param name="database">A connection string; <see langword="null"/> for an unavailable database.</param>
    /// <param name="cache">The shared cache. It also receives the edge's metrics.</param>
    public SharedEdge(string? database, CacheUser cache)
    {
        _folder = EdgeFolder.Open(_temporary.Path);
        _database = NpgsqlDataSource.Create(database ?? "Host=127.0.0.1;Port=1;Timeout=1");
        Cache = cache;
        Links = new LinkLookup(
            _database,
            _folder,
            Options.Create(new RedirectEdgeOptions { LookupTimeout = CacheUser.Patient, NegativeAge = TimeSpan.Zero }),
            TimeProvider.System,
            new EdgeMeters(cache),
            NullLogger<LinkLookup>.Instance,
            cache.Links);
        Links.Restore();
    }

    public CacheUser Cache { get; }

    public LinkLookup Links { get; }

    /// <summary>The number of queries to the database.</summary>
    public long Queries => Cache["tracking.links.lookups"];

    public async ValueTask DisposeAsync()
    {
        Links.Dispose();
        _folder.Dispose();
        await _database.DisposeAsync();
        await Cache.DisposeAsync();
        _temporary.Dispose();
    }
}
