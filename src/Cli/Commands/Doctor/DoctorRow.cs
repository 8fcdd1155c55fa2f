using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Doctor;

/// <summary>How a thing stands.</summary>
internal enum RowState
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Not looked at: it is not used.</summary>
    Skipped,

    /// <summary>It works, and something would be better.</summary>
    Warning,

    /// <summary>It does not work.</summary>
    Wrong,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Check">Which, as a word with hyphens.</param>
/// <param name="Subject">The name or address that it is about.</param>
/// <param name="State">How it stands.</param>
/// <param name="Is">What is.</param>
/// <param name="ShouldBe">What should be; nothing when that is what is.</param>
/// <param name="NextStep">What to do.</param>
internal sealed record DoctorRow(
    string Check, string Subject, RowState State, string Is, string? ShouldBe = null, string? NextStep = null)
{
    /// <summary>The state as a word.</summary>
    public string Word => State switch
    {
        RowState.Ok => "ok",
        RowState.Skipped => "skipped",
        RowState.Warning => "warning",
        _ => "wrong",
    };

    /// <summary>As JSON.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["check"] = Check, ["subject"] = Subject, ["state"] = Word, ["is"] = Is };
        if (ShouldBe is not null)
        {
            json["shouldBe"] = ShouldBe;
        }

        if (NextStep is not null)
        {
            json["nextStep"] = NextStep;
        }

        return json;
    }

    /// <summary>For people.</summary>
    public void WriteTo(Terminal terminal)
    {
        terminal.Line($"{Word,-8} {Check,-16} {Subject}: {Is}");
        if (ShouldBe is not null)
        {
            terminal.Line($"         should be: {ShouldBe}");
        }

        if (NextStep is not null)
        {
            terminal.Line($"         next step: {NextStep}");
        }
    }
}
