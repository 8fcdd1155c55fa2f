using Tracking.Links;

namespace Tracking.Management.Console.Parts;

/// <summary>Names of hosts as people read them.</summary>
internal static class HostText
{
    /// <summary>With the letters of its own script, where it has any; as it stands otherwise.</summary>
    public static string Shown(string host) =>
        HostName.TryParse(host, out var name) ? name.ToUnicode() : host;
}
