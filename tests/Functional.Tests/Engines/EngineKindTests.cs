using Tracking.Servers.Engines;

namespace Tracking.Functional.Tests.Engines;

/// <summary>The tests run their engines in the configured form. A wrong value gets an error message.</summary>
public sealed class EngineKindTests
{
    [Theory]
    [InlineData(null, true, "containers")]
    [InlineData(null, false, "local")]
    [InlineData("", false, "local")]
    [InlineData("auto", true, "containers")]
    [InlineData("auto", false, "local")]
    [InlineData("local", true, "local")]
    [InlineData("containers", true, "containers")]
    public void The_variable_forces_either_form_and_otherwise_the_machine_decides(
        string? asked, bool answers, string chosen) =>
        Assert.Equal(chosen, EngineKind.Choose(asked, () => answers));

    [Fact]
    public void Local_programs_are_chosen_without_a_question_to_a_container_engine() =>
        Assert.Equal("local", EngineKind.Choose("local", () => throw new InvalidOperationException("asked")));

    [Theory]
    [InlineData("containers", "TRACKING_TEST_ENGINES is 'containers' and no container engine answers")]
    [InlineData("docker", "TRACKING_TEST_ENGINES is 'docker'; it takes 'auto', 'local' or 'containers'.")]
    public void A_form_that_cannot_be_had_is_refused_with_the_reason(string asked, string reason) =>
        Assert.StartsWith(
            reason,
            Assert.Throws<InvalidOperationException>(() => EngineKind.Choose(asked, () => false)).Message,
            StringComparison.Ordinal);
}
