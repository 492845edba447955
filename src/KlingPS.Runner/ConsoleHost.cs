using System.Globalization;
using System.Management.Automation.Host;

namespace KlingPS.Runner;

/// <summary>What the engine knows of the program around it.</summary>
internal sealed class ConsoleHost : PSHost
{
    /// <inheritdoc/>
    public override string Name => "KlingPS.Runner";

    /// <inheritdoc/>
    public override Version Version { get; } = typeof(ConsoleHost).Assembly.GetName().Version!;

    /// <inheritdoc/>
    public override Guid InstanceId { get; } = Guid.NewGuid();

    /// <inheritdoc/>
    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;

    /// <inheritdoc/>
    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;

    /// <inheritdoc/>
    public override PSHostUserInterface UI => Console;

    /// <summary>The console, with what only the runner asks of it.</summary>
    public ConsoleUserInterface Console { get; } = new();

    /// <summary>What the script gave to <c>exit</c>; null when it ran to its end.</summary>
    public int? ExitCode { get; private set; }

    /// <inheritdoc/>
    public override void SetShouldExit(int exitCode) => ExitCode = exitCode;

    /// <inheritdoc/>
    public override void EnterNestedPrompt() => throw new NotSupportedException("The runner has no prompt to nest; run the script in pwsh to debug it.");

    /// <inheritdoc/>
    public override void ExitNestedPrompt()
    {
    }

    /// <inheritdoc/>
    public override void NotifyBeginApplication()
    {
    }

    /// <inheritdoc/>
    public override void NotifyEndApplication()
    {
    }
}
