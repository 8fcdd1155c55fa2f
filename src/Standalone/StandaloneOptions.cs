namespace Tracking.Standalone;

/// <summary><c>Tracking__…</c> without a section: settings that only this program has.</summary>
internal sealed class StandaloneOptions
{
    /// <summary>The folder of PostgreSQL's programs (<c>postgres</c>, <c>initdb</c>) for the private database. Not set:
    /// the newest version in the folders of distributions, then in <c>PATH</c>. A data folder with a database needs the
    /// version that made it.</summary>
    public string? PostgresBin { get; init; }
}
