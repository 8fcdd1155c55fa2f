namespace Tracking.Management.Console.Texts;

internal static partial class Words
{
    /// <summary>The settings of a cluster.</summary>
    internal static class SettingsPage
    {
        public static string Command(string cluster) => $"trackctl clusters set {cluster} --set trackClicks=true --set trackOpens=true";
    }
}
