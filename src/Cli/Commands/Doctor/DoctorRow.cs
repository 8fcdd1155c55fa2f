using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Doctor;

/// <summary>The state of a checked thing.</summary>
internal enum RowState
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Not checked, because it is not used.</summary>
    Skipped,

    /// <summary>It works, but should be improved.</summary>
    Warning,

    /// <summary>It does not work.</summary>
    Wrong,
}

/// <summary>The result for one checked thing.</summary>
/// <param name="Check">The check's name, a word with hyphens.</param>
/// <param name="Subject">The name or address that it is about.</param>
/// <param name="State">The state.</param>
/// <param name="Is">The present value.</param>
/// <param name="ShouldBe">The right value; <see langword="null"/> if the present value is right.</param>
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

    /// <summary>The row as text for people.</summary>
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
