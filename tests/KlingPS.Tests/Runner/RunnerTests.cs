namespace KlingPS.Tests.Runner;

public sealed class RunnerTests
{
    [Fact]
    public async Task Arguments_bind_as_with_pwsh_File()
    {
        RunnerResult result = await RunnerProcess.RunScriptAsync(
            """
            param([string] $Name, [int] $Count, [switch] $On, [switch] $Off, [Parameter(ValueFromRemainingArguments)] $Rest)
            "name $Name", "count $($Count + 1)", "on $On", "off $Off", "rest $($Rest -join '|')"
            """,
            "-Count:41", "-On", "-Name", "with space", "-Off:$false", "first", "$second");

        Assert.Equal(["name with space", "count 42", "on True", "off False", "rest first|$second"], result.Lines);
        Assert.Equal(0, result.ExitCode);
    }

    [Fact]
    public async Task A_script_knows_where_it_lies_and_where_its_caller_is()
    {
        string here = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);

        RunnerResult result = await RunnerProcess.RunScriptAsync(
            "[IO.Path]::GetFileName($PSCommandPath); $ExecutionContext.SessionState.Path.CurrentLocation.Path",
            here,
            []);

        Assert.Equal("script.ps1", result.Lines[0]);
        Assert.Equal(here, result.Lines[^1]);
    }

    [Theory]
    [InlineData("'done'", 0)]
    [InlineData("exit 3", 3)]
    [InlineData("function Leave { exit 4 }; 1..3 | ForEach-Object { Leave }", 4)]
    [InlineData("dotnet no-such-command 2>&1 | Out-Null; 'done'", 0)]
    [InlineData("throw 'broken'", 1)]
    [InlineData("this is { no script", 1)]
    public async Task The_exit_code_is_the_scripts(string script, int expected)
    {
        RunnerResult result = await RunnerProcess.RunScriptAsync(script);

        Assert.Equal(expected, result.ExitCode);
    }

    [Theory]
    [InlineData]
    [InlineData("no-such-script.ps1")]
    public async Task Without_a_script_it_is_a_usage_error(params string[] arguments)
    {
        RunnerResult result = await RunnerProcess.RunAsync(workingDirectory: null, arguments);

        Assert.Equal(64, result.ExitCode);
        Assert.Contains(".ps1", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Fact]
    public async Task An_error_goes_to_the_error_stream_with_its_advice_and_the_script_goes_on()
    {
        RunnerResult result = await RunnerProcess.RunScriptAsync(
            """
            [CmdletBinding()] param()
            $record = [System.Management.Automation.ErrorRecord]::new([Exception]::new('No file is at a.png.'), 'KlingPathNotFound', 'ObjectNotFound', 'a.png')
            $record.ErrorDetails = [System.Management.Automation.ErrorDetails]::new('No file is at a.png.')
            $record.ErrorDetails.RecommendedAction = 'Check the path.'
            $PSCmdlet.WriteError($record)
            'after'
            """);

        Assert.Contains("No file is at a.png.", result.Error, StringComparison.Ordinal);
        Assert.Contains("Check the path.", result.Error, StringComparison.Ordinal);
        Assert.Equal(["after"], result.Lines);
        Assert.Equal(0, result.ExitCode);
    }

    [Fact]
    public async Task The_error_that_ends_a_script_is_shown_once_with_its_place()
    {
        RunnerResult result = await RunnerProcess.RunScriptAsync("'before'\nthrow 'broken'");

        Assert.Equal(["before"], result.Lines);
        Assert.Contains("script.ps1:2", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Split('\n'), line => line.Contains("| broken", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Redirected_output_is_plain_text_without_progress()
    {
        RunnerResult result = await RunnerProcess.RunScriptAsync(
            """
            [CmdletBinding()] param()
            $PSCmdlet.WriteProgress([System.Management.Automation.ProgressRecord]::new(1, 'Working', 'half way'))
            $PSCmdlet.WriteWarning('careful')
            [pscustomobject]@{ Image = 'a.png'; Video = 'a.mp4' }
            """);

        Assert.Equal(["WARNING: careful", "Image Video", "----- -----", "a.png a.mp4"], result.Lines);
        Assert.DoesNotContain('\u001b', result.Output);
        Assert.Empty(result.Error);
    }

    [Fact]
    public async Task A_question_without_a_console_is_an_error_and_not_a_hang()
    {
        RunnerResult result = await RunnerProcess.RunScriptAsync("$ErrorActionPreference = 'Stop'; $host.UI.ReadLine()");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("no console to ask at", string.Join(' ', result.Error.Split([' ', '|', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_staged_module_is_found_by_its_name()
    {
        RunnerResult result = await RunnerProcess.RunScriptAsync("Import-Module KlingPS; (Get-Module KlingPS).ModuleBase");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains(Path.Combine("out", "KlingPS"), Assert.Single(result.Lines), StringComparison.Ordinal);
    }
}
