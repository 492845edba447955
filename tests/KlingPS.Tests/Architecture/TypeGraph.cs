using System.Reflection;
using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;

namespace KlingPS.Tests.Architecture;

/// <summary>
/// The types of an assembly and which of them each one uses, read from its metadata: signatures, attributes and the
/// bodies of methods. Nested and generated types count as the type they are in. Constants leave no trace in metadata.
/// </summary>
internal sealed class TypeGraph
{
    private readonly ModuleDefinition _module;
    private readonly Dictionary<TypeDefinition, HashSet<TypeDefinition>> _uses;

    private TypeGraph(ModuleDefinition module, string rootNamespace)
    {
        _module = module;
        RootNamespace = rootNamespace;

        // Outside the root namespace lies only what compiler and source generators add.
        _uses = module.Types
            .Where(type => type.Namespace == rootNamespace || type.Namespace.StartsWith(rootNamespace + '.', StringComparison.Ordinal))
            .ToDictionary(type => type, _ => new HashSet<TypeDefinition>());
        foreach ((TypeDefinition type, HashSet<TypeDefinition> uses) in _uses)
        {
            uses.UnionWith(ReferencesOf(type).SelectMany(LocalTypesIn).Select(Outermost).Where(used => used != type && _uses.ContainsKey(used)));
        }
    }

    public string RootNamespace { get; }

    public IReadOnlyCollection<TypeDefinition> Types => _uses.Keys;

    /// <summary>The names of the assemblies that are referenced.</summary>
    public IEnumerable<string> AssemblyReferences => _module.AssemblyReferences.Select(reference => reference.Name);

    /// <summary>Every pair of types of which the first uses the second.</summary>
    public IEnumerable<(TypeDefinition User, TypeDefinition Used)> Uses => _uses.SelectMany(pair => pair.Value.Select(used => (pair.Key, used)));

    public static TypeGraph Read(string path, string rootNamespace) => new(ModuleDefinition.ReadModule(path), rootNamespace);

    public static TypeGraph Read(Assembly assembly) => Read(assembly.Location, assembly.GetName().Name!);

    /// <summary>The folder of a type below that of the project, empty for the project's own.</summary>
    public string FolderOf(TypeDefinition type) => type.Namespace.Length == RootNamespace.Length ? "" : type.Namespace[(RootNamespace.Length + 1)..].Replace('.', '/');

    public static TypeDefinition Outermost(TypeDefinition type)
    {
        while (type.DeclaringType is TypeDefinition declaring)
        {
            type = declaring;
        }

        return type;
    }

    /// <summary>The types of this assembly that a reference names: itself, its elements, its type arguments.</summary>
    private static IEnumerable<TypeDefinition> LocalTypesIn(TypeReference? reference) => reference switch
    {
        null or GenericParameter => [],
        TypeDefinition type => [type],
        GenericInstanceType generic => generic.GenericArguments.Prepend(generic.ElementType).SelectMany(LocalTypesIn),
        FunctionPointerType pointer => pointer.Parameters.Select(parameter => parameter.ParameterType).Prepend(pointer.ReturnType).SelectMany(LocalTypesIn),
        IModifierType modified => LocalTypesIn(modified.ElementType).Concat(LocalTypesIn(modified.ModifierType)),
        TypeSpecification specification => LocalTypesIn(specification.ElementType),
        _ => [],
    };

    private static IEnumerable<TypeReference?> ReferencesOf(TypeDefinition type)
    {
        IEnumerable<TypeReference?> own =
        [
            type.BaseType,
            .. type.Interfaces.Select(implemented => implemented.InterfaceType),
            .. ReferencesOf(type.GenericParameters),
            .. ReferencesOf((Mono.Cecil.ICustomAttributeProvider)type),
            .. type.Fields.SelectMany(field => ReferencesOf(field).Append(field.FieldType)),
            .. type.Properties.SelectMany(ReferencesOf),
            .. type.Events.SelectMany(ReferencesOf),
        ];
        return own.Concat(type.Methods.SelectMany(ReferencesOf)).Concat(type.NestedTypes.SelectMany(ReferencesOf));
    }

    private static IEnumerable<TypeReference?> ReferencesOf(MethodDefinition method)
    {
        IEnumerable<TypeReference?> signature =
        [
            method.ReturnType,
            .. method.Parameters.SelectMany(parameter => ReferencesOf(parameter).Append(parameter.ParameterType)),
            .. ReferencesOf(method.GenericParameters),
            .. ReferencesOf((Mono.Cecil.ICustomAttributeProvider)method),
        ];
        return method.HasBody
            ? signature
                .Concat(method.Body.Variables.Select(variable => variable.VariableType))
                .Concat(method.Body.ExceptionHandlers.Select(handler => handler.CatchType))
                .Concat(method.Body.Instructions.SelectMany(ReferencesOf))
            : signature;
    }

    private static IEnumerable<TypeReference?> ReferencesOf(Instruction instruction) => instruction.Operand switch
    {
        TypeReference type => [type],
        FieldReference field => [field.DeclaringType, field.FieldType],
        MethodReference method =>
        [
            method.DeclaringType,
            method.ReturnType,
            .. method.Parameters.Select(parameter => parameter.ParameterType),
            .. method is GenericInstanceMethod generic ? generic.GenericArguments : [],
        ],
        _ => [],
    };

    private static IEnumerable<TypeReference?> ReferencesOf(IEnumerable<GenericParameter> parameters)
        => parameters.SelectMany(parameter => parameter.Constraints.Select(constraint => constraint.ConstraintType));

    private static IEnumerable<TypeReference?> ReferencesOf(Mono.Cecil.ICustomAttributeProvider provider) => provider.CustomAttributes.SelectMany(attribute =>
        attribute.ConstructorArguments
            .Concat(attribute.Properties.Select(property => property.Argument))
            .Concat(attribute.Fields.Select(field => field.Argument))
            .SelectMany(TypesIn)
            .Prepend(attribute.AttributeType));

    private static IEnumerable<TypeReference?> TypesIn(CustomAttributeArgument argument) => argument.Value switch
    {
        TypeReference type => [argument.Type, type],
        CustomAttributeArgument[] elements => elements.SelectMany(TypesIn).Prepend(argument.Type),
        _ => [argument.Type],
    };
}
