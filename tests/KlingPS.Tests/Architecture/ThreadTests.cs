using KlingPS.Commands.Base;
using KlingPS.Core;
using Mono.Cecil;
using Mono.Cecil.Rocks;

namespace KlingPS.Tests.Architecture;

public sealed class ThreadTests
{
    /// <summary>What belongs to the pipeline thread: it reads the session state, or asks for the runspace of the thread.</summary>
    private static readonly string[] s_ofThePipelineThread =
    [
        "get_Context", "get_Connection", "get_SessionState", "get_Host", "get_MyInvocation", "get_InvokeProvider", "get_InvokeCommand", "get_Current", "get_DefaultRunspace",
        "WriteObject", "WriteError", "WriteErrorOrEnd", "WriteWarning", "WriteVerbose", "WriteDebug", "WriteInformation", "WriteProgress", "ThrowTerminatingError", "ShouldProcess", "ShouldContinue",
    ];

    /// <summary>Work for the engine takes a token and returns a task; it runs on the thread pool.</summary>
    [Fact]
    public void Work_that_a_command_hands_to_the_engine_leaves_the_runspace_alone()
    {
        using var module = ModuleDefinition.ReadModule(typeof(KlingCommand).Assembly.Location);
        MethodDefinition[] work = [.. module.GetAllTypes().Where(IsOfCommands).SelectMany(type => type.Methods).Where(IsWork)];

        Assert.NotEmpty(work);
        Assert.Empty(work.SelectMany(method => BodiesOf(method).SelectMany(CallsIn).Where(IsOfThePipelineThread).Select(call => $"{method.FullName} calls {call.Name}")));

        static bool IsOfCommands(TypeDefinition type) => TypeGraph.Outermost(type).Namespace.StartsWith("KlingPS.Commands", StringComparison.Ordinal);

        static bool IsWork(MethodDefinition method)
            => method.Name.StartsWith('<')
                && method.Parameters.LastOrDefault()?.ParameterType.Name == nameof(CancellationToken)
                && method.ReturnType.Name.StartsWith("Task", StringComparison.Ordinal);

        static bool IsOfThePipelineThread(MethodReference call)
            => s_ofThePipelineThread.Contains(call.Name)
                && (call.DeclaringType.FullName.StartsWith("KlingPS.", StringComparison.Ordinal) || call.DeclaringType.FullName.StartsWith("System.Management.Automation.", StringComparison.Ordinal));
    }

    /// <summary>What waits goes by elapsed time. These types alone read the time of day there, each for something that outlives the process or comes from outside.</summary>
    [Fact]
    public void What_waits_does_not_ask_for_the_time_of_day()
    {
        string[] allowed = ["CallbackReceiver", "CallbackVerifier", "RetryAfter", "TaskPoller", "TaskTimes", "WaitStage", "ConversionPreparer", "RunRecorder"];
        string[] waiting = ["Waiting", "Callbacks", "Converting", "Scheduling", "Resilience", "Stages"];
        using var module = ModuleDefinition.ReadModule(typeof(KlingException).Assembly.Location);

        IEnumerable<string> readers = module.GetAllTypes()
            .Where(type => waiting.Any(folder => TypeGraph.Outermost(type).Namespace == $"KlingPS.Core.{folder}"))
            .Where(type => type.Methods.SelectMany(CallsIn).Any(call => call.Name is "GetUtcNow" or "GetLocalNow" or "get_UtcNow" or "get_Now" && call.DeclaringType.Namespace == "System"))
            .Select(type => TypeGraph.Outermost(type).Name)
            .Distinct();

        Assert.Empty(readers.Except(allowed));
    }

    private static IEnumerable<MethodReference> CallsIn(MethodDefinition method)
        => method.HasBody ? method.Body.Instructions.Select(instruction => instruction.Operand).OfType<MethodReference>() : [];

    /// <summary>A method and, if it is asynchronous, the method that the compiler has made of its body.</summary>
    private static IEnumerable<MethodDefinition> BodiesOf(MethodDefinition method)
    {
        yield return method;
        foreach (CustomAttribute attribute in method.CustomAttributes.Where(attribute => attribute.AttributeType.Name == "AsyncStateMachineAttribute"))
        {
            yield return ((TypeReference)attribute.ConstructorArguments[0].Value).Resolve().Methods.Single(body => body.Name == "MoveNext");
        }
    }
}
