namespace Tracking.Standalone;

/// <summary><c>Tracking__…</c> without a section: what only the program for everything has.</summary>
internal sealed class StandaloneOptions
{
    /// <summary>The folder of PostgreSQL's programs (<c>postgres</c>, <c>initdb</c>) for the private database. Not set:
    /// where distributions put them, then <c>PATH</c>, the newest version; a folder that has a database already needs
    /// the version that made it.</summary>
    public string? PostgresBin { get; init; }
}
